"""What the web application works with; whoever starts it puts the parts together."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol
from urllib.parse import urlsplit

from sqlalchemy import Connection

from berth.audit import Report
from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc
from berth.core.access import Decision
from berth.core.clock import Clock, WallClock
from berth.core.deployment import Deployment
from berth.core.sealed import Sealer
from berth.core.settings import Settings
from berth.devices.mqtt import BrokerLogin
from berth.market.following import Following
from berth.market.nonces import NonceOffice
from berth.market.permits import Permits
from berth.market.signin import Asking
from berth.market.sponsoring import Sponsor
from berth.market.titles.library import TitleLibrary
from berth.store.engine import Store
from berth.web.built import Built
from berth.web.caching import Kept
from berth.web.checks import Found, Watch
from berth.web.status import PlatformStatus
from berth.web.visitors import VisitorsDesk

_LOOPBACK = ("127.0.0.1", "localhost")


class RelayDesk(Protocol):
    """The relay as the web sees it: what it would decide now, and a nudge to look at the tables."""

    def preview(self, conn: Connection, lease_id: str, account: str) -> Decision:
        """Would the bar go down now for this account? Reads only."""
        ...

    def required(self, deposit: int) -> int:
        """Confirmations that a lease with this deposit (minor units) needs."""
        ...

    def wake(self) -> None:
        """Presence or a confirmation was written. Returns at once, from any thread."""
        ...


@dataclass
class Services:
    """All that requests need. `clock` follows the chain's block time and tells what leases are
    decided by; `wall` is the machine's and tells how long sessions last. `broker` is the locks'
    broker, asked whether it is there; None = there is none to ask. `visitors` is the desk of a
    local chain's parties; None elsewhere. `sponsor` pays for what accounts sign; None = nobody."""

    store: Store
    settings: Settings
    deployment: Deployment
    rpc: Rpc
    clock: Clock
    sealer: Sealer
    relay: RelayDesk
    wall: Clock = field(default_factory=WallClock)
    broker: BrokerLogin | None = None
    visitors: VisitorsDesk | None = None
    sponsor: Sponsor | None = None

    @cached_property
    def contracts(self) -> Contracts:
        """The deployment's contracts with their interfaces."""
        return Contracts.of(self.deployment)

    @cached_property
    def following(self) -> Following:
        """What becomes of what accounts sign."""
        return Following(self.store, self.rpc, self.contracts, self.relay.required)

    @cached_property
    def nonces(self) -> NonceOffice:
        """Nonces of sign-in messages."""
        return NonceOffice.of(self.sealer)

    @cached_property
    def asking(self) -> Asking:
        """Room for asking accounts that are contracts."""
        return Asking()

    @cached_property
    def permits(self) -> Permits:
        """Allowances by signature, where the currency knows them."""
        return Permits(self.rpc, self.contracts, self.deployment.chain_id)

    @cached_property
    def head_report(self) -> Kept[Report]:
        """The latest verification of the ledger."""
        return Kept(5.0)

    @cached_property
    def watch(self) -> Watch:
        """Looks whether everything is there."""
        return Watch(self)

    @cached_property
    def readiness(self) -> Kept[Found]:
        """What the latest look found."""
        return Kept(1.0)

    @cached_property
    def platform_status(self) -> Kept[PlatformStatus]:
        """The latest look at the platform."""
        return Kept(1.0)

    @cached_property
    def titles(self) -> TitleLibrary:
        """The titles that this installation holds."""
        return TitleLibrary(self.store, self.settings.home)

    @cached_property
    def dapp(self) -> Built:
        """The app for browsers, as it was built."""
        return Built(self.settings.dapp, self.settings.tiles_url)

    @cached_property
    def origins(self) -> tuple[str, ...]:
        """Origins that sign-in messages and browsers may name: the public one, and on a loopback
        address its other spelling."""
        public = urlsplit(self.settings.public_url)
        hosts = [public.hostname or ""]
        if public.hostname in _LOOPBACK:
            hosts += [host for host in _LOOPBACK if host != public.hostname]
        port = f":{public.port}" if public.port else ""
        shown = [f"[{host}]" if ":" in host else host for host in hosts]
        return tuple(f"{public.scheme}://{host}{port}" for host in shown)

    @property
    def secure(self) -> bool:
        """Is the public address https?"""
        return self.settings.public_url.startswith("https://")
