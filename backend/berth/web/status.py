"""The state of the platform in words that a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from berth.core.money import Currency
from berth.core.zones import rfc3339
from berth.market.index_state import IndexState, Totals, index_state, totals
from berth.market.locks import lock_counts
from berth.web.schemas.common import CurrencyOut, amount
from berth.web.schemas.operations import IndexOut, StatusOut

if TYPE_CHECKING:
    from berth.web.services import Services

#: Blocks behind the node from which the index counts as catching up.
MAX_LAG = 5
#: Seconds without a written cursor after which the index is not at work.
STALE_SECONDS = 60

State = Literal["ok", "catching_up", "paused", "trouble"]

_SENTENCES: dict[State, tuple[str, str]] = {
    "ok": ("Everything works.", "一切正常。"),
    "catching_up": (
        "The index is {lag} blocks behind the chain and catching up.",
        "索引落后 {lag} 个区块，正在追赶。",
    ),
    "paused": (
        "New leases are paused until {until}; every way out stays open.",
        "新租约暂停至 {until}；所有退出与结算照常。",
    ),
    "trouble": (
        "The index is not reading the chain.",
        "索引未在读取区块链。",
    ),
}


@dataclass(frozen=True, slots=True)
class PlatformStatus:
    """What was found; times in Unix seconds UTC, amounts in minor units."""

    state: State
    now: int
    index: IndexState | None
    totals: Totals
    locks: int
    locks_online: int
    currency: Currency

    def sentence(self, language: str) -> str:
        """In English ("en") or Chinese ("zh")."""
        words = _SENTENCES[self.state][1 if language.startswith("zh") else 0]
        lag = self.index.lag if self.index is not None else 0
        return words.format(lag=lag, until=rfc3339(self.totals.paused_until))

    def answer(self, language: str) -> StatusOut:
        """As the API says it."""
        index, held = self.index, self.totals
        return StatusOut(
            state=self.state,
            sentence=self.sentence(language),
            now=rfc3339(self.now),
            index=None
            if index is None
            else IndexOut(
                block=index.block,
                block_hash=index.block_hash,
                block_at=rfc3339(index.block_at),
                head=index.head,
                lag_blocks=index.lag,
                updated_at=rfc3339(index.updated_at),
            ),
            currency=CurrencyOut.of(self.currency),
            spaces=held.spaces,
            offers=held.offers,
            open_leases=held.open_leases,
            settlements=held.settlements,
            titles=held.titles,
            cities=held.cities,
            escrow=amount(held.escrow),
            fees=amount(held.fees),
            ledger_head=held.head,
            locks_online=self.locks_online,
            locks=self.locks,
        )

    def text(self, language: str) -> str:
        """As lines for a terminal."""
        held, money = self.totals, self.currency
        index = self.index
        if language.startswith("zh"):
            lines = [
                self.sentence(language),
                f"产权：{held.cities} 个城市，{held.titles} 个车位",
                f"已共享车位 {held.spaces} 个，报价 {held.offers} 个",
                f"地锁在线 {self.locks_online}/{self.locks}",
                f"进行中租约 {held.open_leases} 个，托管 {money.label(held.escrow)}",
                f"结算 {held.settlements} 笔，未提取费用 {money.label(held.fees)}",
                f"账本链头 {held.head}",
            ]
            if index is not None:
                lines.append(f"区块 {index.block}，落后 {index.lag}，{rfc3339(index.block_at)}")
        else:
            lines = [
                self.sentence(language),
                f"titles: {held.titles} in {held.cities} cities",
                f"spaces shared: {held.spaces}, offers: {held.offers}",
                f"locks online: {self.locks_online} of {self.locks}",
                f"open leases: {held.open_leases}, in escrow: {money.label(held.escrow)}",
                f"settlements: {held.settlements}, fees not withdrawn: {money.label(held.fees)}",
                f"ledger head: {held.head}",
            ]
            if index is not None:
                lines.append(
                    f"block {index.block} of {rfc3339(index.block_at)}, {index.lag} behind"
                )
        return "\n".join(lines) + "\n"


def status_of(services: Services) -> PlatformStatus:
    """Looks at the index now."""
    with services.store.read() as conn:
        index, held = index_state(conn), totals(conn)
        locks, online = lock_counts(conn)
    now = services.clock.now()
    return PlatformStatus(
        state=_state(index, held, now, services.wall.now()),
        now=now,
        index=index,
        totals=held,
        locks=locks,
        locks_online=online,
        currency=services.deployment.currency,
    )


def _state(index: IndexState | None, held: Totals, now: int, wall: int) -> State:
    if index is None or wall - index.updated_at > STALE_SECONDS:
        return "trouble"
    if index.lag > MAX_LAG:
        return "catching_up"
    return "paused" if held.paused_until > now else "ok"
