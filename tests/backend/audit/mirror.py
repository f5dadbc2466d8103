"""A chain that holds just what a world's index held when it was looked at: break one, see it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from berth.chain.rpc import RpcError
from berth.core.addresses import ZERO
from berth.core.ids import lease_hex, space_hex
from berth.core.words import RotationWord, SpaceWords
from berth.store import derived
from sqlalchemy import select

from tests.backend.answering_node import AnsweringNode
from tests.backend.worlds import DEPLOYMENT, World

_SPACE = (
    "owner", "first_live", "last_offer", "since", "valid_day", "cell", "lock_key", "height_cm",
    "width_cm", "length_cm", "connectors", "power", "maker",
)  # fmt: skip


class Mirror(AnsweringNode):
    """`balance` is what the market has in tokens; `forgets` the blocks whose state is pruned."""

    def __init__(self, world: World) -> None:
        super().__init__(DEPLOYMENT)
        self.hashes: dict[int, str] = {}
        self.forgets = False
        self.head = 0
        self.timestamp = world.wall.now()
        with world.store.read() as conn:

            def rows(table: Any, *names: str) -> dict[Any, dict[str, Any]]:
                return {
                    tuple(row[name] for name in names) if len(names) > 1 else row[names[0]]: row
                    for row in map(dict, conn.execute(select(table)).mappings())
                }

            self.accounts = rows(derived.accounts, "account")
            self.leases = rows(derived.leases, "lease_id")
            self.offers = rows(derived.offers, "space_id", "number")
            self.spaces = rows(derived.spaces, "space_id")
            self.vehicles = rows(derived.vehicles, "plate_commitment")
            self.editions = rows(derived.editions, "city")
            self.market = rows(derived.market_state, "id").get(1)
            at = rows(derived.cursor, "name")
            for row in at.values():
                self.hashes[row["block_number"]] = row["block_hash"]
                self.head = row["head_number"]
            for row in rows(derived.blocks, "number").values():
                self.hashes[row["number"]] = row["hash"]
        owed = sum(int(row["credit"]) for row in self.accounts.values())
        owed += sum(
            int(row["deposit"]) for row in self.leases.values() if row["state"] in (1, 2, 3)
        )
        self.balance = owed + (int(self.market["fees"]) if self.market else 0)
        self._answer()

    async def block(self, which: int | str) -> SimpleNamespace | None:
        if which == 0:
            return SimpleNamespace(hash=DEPLOYMENT.genesis_hash, number=0, timestamp=0)
        number = self.head if which == "latest" else int(which)
        if number not in self.hashes:
            return None
        return SimpleNamespace(hash=self.hashes[number], number=number, timestamp=self.timestamp)

    async def blocks(self, numbers: Sequence[int]) -> list[SimpleNamespace | None]:
        return [await self.block(number) for number in numbers]

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], _kind: Any) -> list[str]:
        found = []
        for method, (call, tag) in calls:
            assert method == "eth_call"
            data = bytes.fromhex(call["data"][2:])
            found.append("0x" + (await self.eth_call(call["to"], data, block=tag)).hex())
        return found

    async def eth_call(
        self, to: str, data: bytes, *, sender: str | None = None, block: int | str = "latest"
    ) -> bytes:
        if self.forgets:
            raise RpcError("eth_call", -32000, "missing trie node", None)
        return await super().eth_call(to, data, sender=sender, block=block)

    def _answer(self) -> None:
        said = self.answers
        said["creditOf"] = lambda a: int(self.accounts[a["account"]]["credit"])
        said["autoPayoutOf"] = lambda a: bool(self.accounts[a["account"]]["auto_payout"])
        said["balanceOf"] = lambda _a: self.balance
        said["leaseOf"] = lambda a: self._lease(self._known(self.leases, lease_hex(a["leaseId"])))
        said["depositOf"] = lambda a: int(self.leases[lease_hex(a["leaseId"])]["deposit"])
        said["offerOf"] = lambda a: self._offer(space_hex(a["spaceId"]), a["number"])
        said["spaceOf"] = lambda a: self._space(self.spaces[space_hex(a["spaceId"])])
        said["managerOf"] = lambda a: self.spaces[space_hex(a["spaceId"])]["manager"] or ZERO
        said["vehicleOf"] = lambda a: self._vehicle("0x" + a["plateCommitment"].hex())
        said["editionOf"] = lambda a: self._edition(self.editions[a["city"]])
        said["ledger"] = lambda _a: self._ledger()
        said["config"] = lambda _a: (
            self._market("fee_bps"), self._market("paused_until"), 0
        )  # fmt: skip

    @staticmethod
    def _known(rows: dict[str, Any], key: str) -> Any:
        if key not in rows:
            raise RpcError("eth_call", 3, "execution reverted", b"")
        return rows[key]

    def _market(self, name: str) -> int:
        return int(self.market[name]) if self.market else 0

    def _ledger(self) -> tuple[bytes, int, int]:
        head = bytes.fromhex(self.market["head"][2:]) if self.market else bytes(32)
        return head, self._market("ledger_count"), self._market("fees")

    @staticmethod
    def _lease(row: dict[str, Any]) -> Any:
        view = (
            row["driver"], row["state"], bool(row["disputed"]), row["slots"], row["offer"],
            row["epoch"], row["kwh_cap"], row["arrived"], row["until_minute"], row["energy_used"],
            bool(row["no_show"]),
        )  # fmt: skip
        return (view,)

    def _offer(self, space: str, number: int) -> tuple[int, int]:
        row = self.offers[space, number]
        return int(row["word_a"], 16), int(row["word_b"], 16)

    @staticmethod
    def _space(row: dict[str, Any]) -> tuple[int, int, int]:
        words = SpaceWords(**{name: row[name] for name in _SPACE}, edition=1).encode()
        past = RotationWord(
            row["previous_key"] or ZERO, row["rotated_at"] or 0, row["delisted_day"]
        )
        return (*words, past.encode())

    def _vehicle(self, commitment: str) -> tuple[str, int, int, int]:
        row = self.vehicles[commitment]
        return row["driver"], row["until_slot"], row["verifier"], row["size"]

    @staticmethod
    def _edition(row: dict[str, Any]) -> tuple[int, int, int, bytes, bytes]:
        return (
            row["edition"],
            row["count"],
            row["published_at"],
            bytes.fromhex(row["root"][2:]),
            bytes.fromhex(row["content_hash"][2:]),
        )
