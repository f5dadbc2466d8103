"""A market whose operator brings what accounts have signed, and what an account would send."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from berth.core.ids import parse_lease
from berth.core.signing import sign_digest
from berth.market.forwarding import ForwardRequest
from berth.market.sponsoring import Bounds, Sponsor
from berth.store.kept import sent_transactions
from sqlalchemy import select

from tests.backend.web.forwarding import CONTRACTS, Chain, sponsor_of
from tests.backend.web.people import Api
from tests.backend.worlds import DEPLOYMENT, DINO, Person, World

LEASE = "0x" + f"{0x0011C2F50000002A << 48 | 1000 << 16 | 1:028x}"
CANCEL = CONTRACTS.market.calldata("cancel", parse_lease(LEASE))


@dataclass
class Town:
    """A market whose operator pays, and the API before it."""

    world: World
    chain: Chain
    api: Api

    def prepare(self, data: bytes = CANCEL, who: Person = DINO, **more: Any) -> Any:
        body = {"to": more.pop("to", DEPLOYMENT.market), "data": "0x" + data.hex()}
        return self.api.post("/v1/intents/prepare", body, who, **more)

    def signed(self, data: bytes = CANCEL, who: Person = DINO, **changes: Any) -> dict[str, Any]:
        """The body of a submission, as the app makes it of what was prepared."""
        message = self.prepare(data, who)["typedData"]["message"]
        return self.sign(message, who, **changes)

    def sign(self, message: dict[str, Any], who: Person, **changes: Any) -> dict[str, Any]:
        given = {**message, "value": "0"} | changes
        request = ForwardRequest(
            given["from"].lower(),
            given["to"].lower(),
            int(given["gas"]),
            int(given["nonce"]),
            given["deadline"],
            bytes.fromhex(given["data"][2:]),
        )
        signature = sign_digest(request.message(DEPLOYMENT).digest, who.key)
        return {"request": given, "signature": "0x" + signature.hex()}

    def submit(self, body: dict[str, Any], who: Person = DINO, expect: int = 202) -> Any:
        return self.api.post("/v1/intents/submit", body, who, expect=expect)

    def state(self, identity: str, who: Person = DINO, **more: Any) -> Any:
        return self.api.get(f"/v1/intents/{identity}", who, **more)

    def restart(self, bounds: Bounds | None = None, **limits: int) -> Sponsor:
        """Another process takes over: only what is in the database is known."""
        made = sponsor_of(self.world, self.chain, bounds, **limits)
        self.world.services.sponsor = made
        self.world.services.__dict__.pop("following", None)
        return made

    def look_after(self) -> None:
        """Once what the sponsor does all the time."""
        asyncio.run(self.restart()._sender.resume())

    def records(self) -> list[Any]:
        with self.world.store.read() as conn:
            return list(conn.execute(select(sent_transactions)))
