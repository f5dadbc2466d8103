"""The state of the platform in words that a person reads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy.exc import SQLAlchemyError

from berth.core.errors import BerthError
from berth.core.money import Currency
from berth.market.index_state import IndexState, Totals, totals
from berth.market.locks import lock_counts
from berth.market.operations import Work, work
from berth.market.sponsor_purse import Purse, Waiting, balance_and_price, waiting_of
from berth.web.checks import WITHIN, Found
from berth.web.statuswords import lines, sentence

if TYPE_CHECKING:
    from berth.web.services import Services

State = Literal["ok", "attention", "catching_up", "paused", "trouble"]

#: What ends by itself, given time.
_CATCHING_UP = frozenset({"index.behind"})


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the database holds: the market's totals, its locks, the relay's tables; what of the
    sponsor's transactions is out."""

    totals: Totals
    locks: int
    locks_online: int
    work: Work
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A node by its number in the order of preference; `reason` why it is not used, in words."""

    number: int
    used: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class PlatformStatus:
    """What was found; times in Unix seconds UTC, amounts in minor units, `spend_cap` in wei a day.
    `held` is None while the database does not answer, `sponsor` where nobody pays for accounts'
    calls, or where it cannot be asked now."""

    now: int
    found: Found
    held: Holdings | None
    currency: Currency
    spend_cap: int
    sponsor: Purse | None = None

    @property
    def index(self) -> IndexState | None:
        return self.found.index

    @property
    def totals(self) -> Totals | None:
        return None if self.held is None else self.held.totals

    @property
    def state(self) -> State:
        """The one word. Trouble: something does not work. Attention: all works, and somebody has to
        look at something."""
        wrong = {check.code for check in self.found.wrong}
        if wrong - _CATCHING_UP or self.held is None or self.held.work.missing:
            return "trouble"
        if wrong:
            return "catching_up"
        if self.held.totals.paused_until > self.now:
            return "paused"
        waits = self.held.work.incidents_open or self.held.work.dead
        short = self.sponsor is not None and self.sponsor.level != "ok"
        return "attention" if waits or short else "ok"

    @property
    def indexer(self) -> dict[str, Any]:
        """What the living index says of itself."""
        if self.held is None:
            return {}
        work = self.held.work
        for role in work.roles:
            if role.role == "indexer" and not role.silent(work.now):
                return dict(role.facts)
        return {}

    @property
    def nodes(self) -> list[NodeSeen]:
        """The chain's nodes as the living index sees them; where they are stays with it."""
        said = self.indexer.get("nodes")
        return [
            NodeSeen(
                number, bool(node.get("used")), None if node.get("used") else node.get("state")
            )
            for number, node in enumerate(said if isinstance(said, list) else [], 1)
            if isinstance(node, dict)
        ]

    def sentence(self, language: str) -> str:
        """In English ("en") or Chinese ("zh")."""
        return sentence(self, language)

    def text(self, language: str) -> str:
        """As lines for a terminal."""
        return "\n".join(lines(self, language)) + "\n"


async def status_of(services: Services) -> PlatformStatus:
    """Looks at everything now; what does not answer within two seconds is said not to."""

    sponsor = services.sponsor

    def look() -> Holdings:
        with services.store.read() as conn:
            locks, online = lock_counts(conn)
            waiting = Waiting() if sponsor is None else waiting_of(conn, sponsor.account)
            return Holdings(totals(conn), locks, online, work(conn), waiting)

    async def held() -> Holdings | None:
        try:
            return await services.watch.on_thread(look)
        except (TimeoutError, SQLAlchemyError):
            return None

    async def purse() -> tuple[int, int] | None:
        if sponsor is None:
            return None
        try:
            async with asyncio.timeout(WITHIN):
                return await balance_and_price(services.rpc, sponsor.account)
        except (TimeoutError, BerthError):
            return None

    found, holdings, has = await asyncio.gather(services.watch.all(), held(), purse())
    paying = None
    if sponsor is not None and has is not None and holdings is not None:
        warn = services.settings.sponsor_warn
        paying = Purse(sponsor.account, *has, holdings.waiting, warn)
    return PlatformStatus(
        now=services.clock.now(),
        found=found,
        held=holdings,
        currency=services.deployment.currency,
        spend_cap=services.settings.spend_cap,
        sponsor=paying,
    )
