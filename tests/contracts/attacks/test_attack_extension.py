"""Attacks on a market of two parts: the extension alone, selectors, storage, code."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from berth.core import tariff
from berth.core.hashing import keccak
from brownie import Contract, MarketExtension, ParkingMarket, accounts, web3
from brownie.exceptions import VirtualMachineError
from support.attacks import (
    attack,
    nothing_gained,
    take,
)
from support.clock import HOUR, MONDAY, reach
from support.errors import reverts
from support.forms import TERMS, terms_form
from support.forwarding import relay
from support.keys import key
from support.world import CITY

ROOT = Path(__file__).resolve().parents[3]
TEN = MONDAY + 10 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 0)
FOREVER = 2**256 - 1
MALLORY = key("Mallory")


def selector(entry: dict) -> str:
    kinds = ",".join(_kind(argument) for argument in entry["inputs"])
    return keccak(f"{entry['name']}({kinds})".encode())[:4].hex()


def _kind(argument: dict) -> str:
    if argument["type"].startswith("tuple"):
        parts = ",".join(_kind(part) for part in argument["components"])
        return f"({parts}){argument['type'][5:]}"
    return argument["type"]


def functions(abi) -> dict[str, dict]:
    return {selector(entry): entry for entry in abi if entry["type"] == "function"}


@attack(22)
class TestExtensionItself:
    """The second part, called by itself: no roles, no spaces, no money, nothing to take."""

    @pytest.fixture
    def extension(self, world):
        return Contract.from_abi("extension", world.extension, MarketExtension.abi)

    def test_none_of_its_verbs_moves_a_token_or_changes_the_market(
        self, world, market, asset, space, extension
    ):
        lease = take(world, space)
        market.deposit(500, {"from": world.driver})
        asset.approve(extension, FOREVER, {"from": world.driver})
        asset.approve(extension, FOREVER, {"from": world.owner})
        verbs = {
            "blockSlots": (space, TEN // 900 + 96, 4),
            "unblock": (lease,),
            "setManager": (space, world.stranger),
            "withdrawOffers": (space, 2),
            "rotateLock": (space, world.lock_proof(space, MALLORY)),
            "takeOver": (world.registration(0).form(),),
            "delist": (space,),
            "release": (space,),
            "ownerCancel": (lease,),
            "extend": ((lease, 1, 0, world.plate, FOREVER),),
            "changeVehicle": (lease, world.plate),
            "dispute": (lease,),
            "resolve": (lease, 0),
            "agree": ((lease, DEPOSIT, 0, FOREVER), b"", b""),
            "setAutoPayout": (True,),
            "payout": (world.driver,),
            "payoutBatch": ([world.driver, world.owner],),
            "setFee": (1000,),
            "withdrawFees": (world.stranger, 1),
            "setAttester": (1, world.stranger, 7),
            "revokeAttester": (1,),
            "revokeAttestation": (1, 1),
            "pause": (),
            "unpause": (),
            "grantRole": (bytes(32), world.stranger),
            "revokeRole": (bytes(32), world.timelock),
            "renounceRole": (bytes(32), world.owner),
        }
        changing = {
            entry["name"]
            for entry in MarketExtension.abi
            if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
        }
        assert set(verbs) == changing
        before = self.state(world, market, space, lease)
        harmless = set()
        people = (world.driver, world.owner, world.stranger)
        with nothing_gained(world, *people, losses=dict.fromkeys(people, 0)):
            for verb, arguments in verbs.items():
                for sender in (world.owner, world.driver, world.admin):
                    try:
                        tx = getattr(extension, verb)(*arguments, {"from": sender})
                    except VirtualMachineError:
                        continue
                    harmless.add(verb)
                    assert "Transfer" not in tx.events
        # a flag in a storage that nothing else reads, a batch in which all fail, a role nobody has
        assert harmless == {"setAutoPayout", "payoutBatch", "renounceRole"}
        assert self.state(world, market, space, lease) == before
        assert asset.balanceOf(extension) == 0

    @staticmethod
    def state(world, market, space, lease):
        return (
            market.spaceOf(space),
            market.leaseOf(lease),
            market.ledger(),
            market.config(),
            market.creditOf(world.driver),
            [market.hasRole(bytes(32), who) for who in (world.stranger, world.timelock)],
            world.titles.marketOf(space),
        )

    def test_even_as_an_allowed_market_it_could_register_nothing(self, world, titles, extension):
        """The timelock errs and allows the extension's address."""
        titles.setMarket(extension, True, {"from": world.admin})
        with pytest.raises(VirtualMachineError, match="Berth_NotCompliant"):
            extension.takeOver(world.registration(2).form(), {"from": world.owner})
        with pytest.raises(VirtualMachineError):
            accounts[3].transfer(
                extension,
                0,
                data=ParkingMarket.signatures["registerSpace"]
                + world.market.registerSpace.encode_input(world.registration(2).form())[10:],
            )
        assert titles.marketOf(CITY << 32 | 2) == "0x" + "00" * 20

    def test_the_forwarder_reaches_the_extension_and_finds_nothing_there(
        self, world, market, space, extension
    ):
        data = bytes.fromhex(market.setAutoPayout.encode_input(True)[2:])
        with nothing_gained(world, MALLORY, losses={world.driver: 0}):
            relay(world, MALLORY, data, to=extension.address)
            assert not market.autoPayoutOf(MALLORY.address)


@attack(22)
class TestTwoParts:
    """One storage, two codes: neither may hide a verb of the other or read a word elsewhere."""

    def test_no_selector_of_the_extension_is_hidden_but_by_the_same_inherited_function(self):
        core, extension = functions(ParkingMarket.abi), functions(MarketExtension.abi)
        shared = set(core) & set(extension)
        names = {core[each]["name"] for each in shared}
        for each in shared:
            assert _without_docs(core[each]) == _without_docs(extension[each])
        assert names == {
            "DEFAULT_ADMIN_ROLE",
            "eip712Domain",
            "getRoleAdmin",
            "grantRole",
            "hasRole",
            "isTrustedForwarder",
            "renounceRole",
            "revokeRole",
            "supportsInterface",
            "trustedForwarder",
        }

    def test_every_verb_of_the_interfaces_is_served_by_exactly_one_part(self, market):
        core, extension = functions(ParkingMarket.abi), functions(MarketExtension.abi)
        joined = functions(market.abi)
        assert set(joined) == set(core) | set(extension)
        assert len(joined) == len([e for e in market.abi if e["type"] == "function"])

    def test_no_custom_error_of_one_part_looks_like_another_of_the_other(self):
        """Errors have four bytes too."""
        seen = {}
        for abi in (ParkingMarket.abi, MarketExtension.abi):
            for entry in abi:
                if entry["type"] == "error":
                    assert seen.setdefault(selector(entry), entry["name"]) == entry["name"]

    def test_both_parts_lay_their_storage_out_alike_to_the_last_member(self):
        core, extension = layouts("ParkingMarket", "MarketExtension")
        assert core == extension
        assert len(core) >= 10
        assert {"_accounts", "_leases", "_calendar", "_space0"} <= {each[0] for each in core}

    def test_an_unknown_selector_reverts_in_both(self, world, market):
        known = set(functions(market.abi))
        for data in ("0x", "0x00", "0x00000000", "0xffffffff", "0xdeadbeef" + "00" * 64):
            assert data[2:10] not in known
            with pytest.raises(VirtualMachineError):
                world.stranger.transfer(market, 0, data=data)

    def test_neither_part_can_be_destroyed_or_made_to_call_other_code(self, world):
        """No SELFDESTRUCT, no CALLCODE; one DELEGATECALL: into the extension, fixed for good."""
        for address, delegates in ((world.market.address, 1), (world.extension, 0)):
            code = opcodes(bytes(web3.eth.get_code(address)))
            assert code.count(0xFF) == code.count(0xF2) == 0
            assert code.count(0xF4) == delegates

    def test_a_reason_from_the_extension_reaches_the_caller_whole(self, world, market, space):
        lease = take(world, space)
        with reverts("NotPayee", lease, world.owner, world.stranger):
            market.ownerCancel(lease, {"from": world.stranger})
        with reverts("NotOwner", space, world.stranger):
            market.setManager(space, world.stranger, {"from": world.stranger})
        reach(TEN)
        with reverts("NotParty", lease, world.stranger):
            market.dispute(lease, {"from": world.stranger})

    def test_a_manager_may_publish_and_nobody_else_in_his_name(self, world, market, space):
        market.setManager(space, world.stranger, {"from": world.owner})
        tail = world.stranger.address[2:]
        data = market.publishOffer.encode_input(space, terms_form()) + tail
        with reverts("NotOwner", space, world.driver):
            world.driver.transfer(market, 0, data=data)
        block = market.blockSlots.encode_input(space, TEN // 900, 4) + tail
        with reverts("NotOwner", space, world.driver):
            world.driver.transfer(market, 0, data=block)


def _without_docs(entry: dict) -> tuple:
    return entry["name"], entry["inputs"], entry["outputs"], entry["stateMutability"]


def opcodes(code: bytes) -> list[int]:
    """Instructions of a runtime code, without what PUSH carries and the metadata at its end."""
    end = len(code) - 2 - int.from_bytes(code[-2:], "big")
    found, place = [], 0
    while place < end:
        op = code[place]
        found.append(op)
        place += 1 + (op - 0x5F if 0x60 <= op <= 0x7F else 0)
    return found


def layouts(*names: str) -> list[list[tuple]]:
    """Storage of contracts as the compiler lays it out: name, slot, offset, type."""
    # where scripts/brownie found it
    compiler = Path(os.environ["SOLCX_BINARY_PATH"]) / "solc-v0.8.30"
    sources = {name: f"contracts/{name}.sol" for name in names}
    question = {
        "language": "Solidity",
        "sources": {path: {"content": (ROOT / path).read_text()} for path in sources.values()},
        "settings": {
            "remappings": ["@openzeppelin=node_modules/@openzeppelin"],
            "evmVersion": "shanghai",
            "outputSelection": {path: {"*": ["storageLayout"]} for path in sources.values()},
        },
    }
    run = subprocess.run(
        [compiler, "--standard-json"],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    contracts = json.loads(run.stdout)["contracts"]
    return [_members(contracts[path][name]["storageLayout"]) for name, path in sources.items()]


def _members(layout: dict) -> list[tuple]:
    kinds = layout["types"]
    return [
        (each["label"], each["slot"], each["offset"], kinds[each["type"]]["label"])
        for each in layout["storage"]
    ]
