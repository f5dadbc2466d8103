"""What the story is played on: a running platform and the tools of everybody in it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc
from berth.chain.timetravel import advance_to, chain_time
from berth.cli.demo.city import City
from berth.cli.demo.narrate import Narrator
from berth.cli.demo.people import Person
from berth.cli.platform.enrolling import broker_credentials
from berth.cli.platform.parties import Parties
from berth.cli.platform.running import Running
from berth.cli.platform.travelling import all_mined
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.settings import Settings
from berth.devices.mqtt import BrokerAddress, client
from berth.devices.topics import WORLD, WORLD_USER, topic
from berth.market.titles.library import TitleLibrary
from berth.store.engine import Store

T = TypeVar("T")

#: The longest that any single thing may take before the story is broken, seconds.
PATIENCE = 90.0
_FOLLOWED = 3.0
_MINED = 30.0


@dataclass
class Stage:
    """A running platform (`running`), its database and keys, and the node."""

    settings: Settings
    running: Running
    deployment: Deployment
    rpc: Rpc
    contracts: Contracts
    store: Store
    wallets: Store
    library: TitleLibrary
    parties: Parties
    city: City
    narrator: Narrator

    def person(self, name: str) -> Person:
        """Somebody new with a wallet of their own."""
        return Person.make(
            name,
            rpc=self.rpc,
            wallets=self.wallets,
            base=self.running.http,
            chain_id=self.deployment.chain_id,
            narrator=self.narrator,
        )

    async def now(self) -> int:
        """The chain's time, Unix seconds UTC."""
        return await chain_time(self.rpc)

    async def travel_to(self, moment: int) -> None:
        """Moves a local chain's clock forward to a moment that is still to come, and waits for the
        clocks that follow it. What was signed is mined before, unless it takes half a minute."""
        if moment <= await self.now():
            return
        await all_mined(self.store, _MINED)
        await advance_to(self.rpc, moment)
        # a simulated lock asks the node for the time twice a second
        await asyncio.sleep(_FOLLOWED)

    async def fund(self, person: Person, tokens: int) -> None:
        """Gas money from the local chain's first account, and test tokens (minor units)."""
        accounts = await self.rpc.call("eth_accounts")
        gift = {"from": accounts[0], "to": person.address, "value": hex(10**18)}
        tx_hash = await self.rpc.call("eth_sendTransaction", gift)
        await self.until(
            f"gas money for {person.name}", lambda: self.rpc.receipt(tx_hash), lambda r: r
        )
        if tokens:
            asset = self.contracts.asset
            await person.transact(
                f"minted {self.money(tokens)} of test money", asset, "mint", person.address, tokens
            )

    def money(self, minor: int) -> str:
        return self.deployment.currency.label(minor)

    async def until(
        self,
        what: str,
        look: Callable[[], Awaitable[T]],
        enough: Callable[[T], object],
        describe: Callable[[T], str] = str,
    ) -> T:
        """Looks again and again until it is enough. Raises BerthError demo.waited, saying what it
        saw last."""
        deadline = time.monotonic() + PATIENCE
        with self.narrator.waiting(what):
            while True:
                seen = await look()
                if enough(seen):
                    return seen
                if time.monotonic() > deadline:
                    message = (
                        f"waited {PATIENCE:.0f} s for {what}; last seen: {describe(seen)[:600]}"
                    )
                    raise BerthError("demo.waited", message)
                await asyncio.sleep(0.25)

    async def world(self, lock_id: str, *, vehicle: bool, plate: str | None) -> None:
        """What the simulated lock's sensor and camera have before them."""
        password = self._world_password()
        payload = json.dumps({"vehicle": vehicle, "plate": plate})
        address = BrokerAddress.parse(self.running.mqtt)
        async with client(address, WORLD_USER, password) as connection:
            await connection.publish(topic(lock_id, WORLD), payload, qos=1)

    def _world_password(self) -> str:
        return broker_credentials(self.settings).add(WORLD_USER)


def balance_of(stage: Stage, account: str) -> Awaitable[Any]:
    """Tokens of an account outside of the market, minor units."""
    return stage.contracts.asset.read(stage.rpc, "balanceOf", account)
