"""Does the money add up? Events, tariff model, credits and the token's own balances compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from berth.chain import events
from berth.chain.rpc import Rpc
from berth.chain.wire import in_chain_order
from berth.cli.replay.play import Played
from berth.cli.replay.schedule import Ask, foresee
from berth.cli.replay.waves import Call, Waves, call_of
from berth.cli.replay.world import World
from berth.core import tariff
from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from berth.core.slots import slot_start
from berth.core.states import Outcome
from berth.core.tariff import Bill

_LOG_BLOCKS = 2000
_WITHDRAW_GAS = 150_000


@dataclass(frozen=True)
class Check:
    """One thing that has to be so; amounts in minor units."""

    name: str
    expected: int | str
    found: int | str

    @property
    def holds(self) -> bool:
        return self.expected == self.found


@dataclass
class Books:
    """What the market's events say, and the tariff's bill of every granted stay."""

    leased: dict[int, events.Leased] = field(default_factory=dict)
    settled: list[events.Settled] = field(default_factory=list)
    deposited: int = 0
    bills: dict[int, Bill] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def total(self, name: str) -> int:
        """Sum of one figure over all settlements."""
        return sum(getattr(one, name) for one in self.settled)

    @property
    def revenue(self) -> int:
        return self.total("rent") + self.total("overstay") + self.total("energy")

    @property
    def deposits(self) -> int:
        return sum(one.deposit for one in self.leased.values())

    @property
    def pulled(self) -> int:
        return sum(one.pulled for one in self.leased.values())

    @property
    def owner_shares(self) -> int:
        return self.revenue - self.total("fee")


async def reconcile(
    waves: Waves, world: World, asks: Sequence[Ask], played: Played, at: int
) -> Books:
    """Compares, then lets everybody withdraw (blocks of time `at`), then compares again."""
    books = await _read(waves.rpc, world)
    books.bills = {lease: _bill(world, asks[number]) for number, lease in played.granted.items()}
    _compare_refusals(books, asks, played)
    _compare_settlements(books, played)
    await _compare_ledger(books, world, waves.rpc)
    credits_ = await _compare_credits(books, world, waves)
    await waves.succeed(at, _withdrawals(world, credits_))
    await _compare_balances(books, world, waves)
    return books


def broken(checks: Iterable[Check]) -> list[str]:
    """A sentence for each check that does not hold."""
    return [f"{c.name}: expected {c.expected}, found {c.found}" for c in checks if not c.holds]


async def _read(rpc: Rpc, world: World) -> Books:
    books = Books()
    last = await rpc.block_number()
    for first in range(world.deployment.block, last + 1, _LOG_BLOCKS):
        upto = min(last, first + _LOG_BLOCKS - 1)
        for log in in_chain_order(await rpc.logs(first, upto, [world.deployment.market])):
            event = events.MARKET[log.topics[0]](log.topics, log.data)
            if isinstance(event, events.Leased):
                books.leased[event.lease_id] = event
            elif isinstance(event, events.Settled):
                books.settled.append(event)
            elif isinstance(event, events.Deposited):
                books.deposited += event.amount
    return books


def _bill(world: World, ask: Ask) -> Bill:
    """The tariff's bill of a recorded stay, from the file's figures alone."""
    stay = ask.stay
    arrived = tariff.arrival_minute(slot_start(ask.start_slot), stay.plugged_in) + 1
    return tariff.bill(
        world.terms,
        ask.start_slot,
        ask.slots,
        ask.kwh_cap,
        stay.plugged_in,
        stay.plugged_out,
        stay.energy_wh,
        arrived=arrived,
    )


def _compare_refusals(books: Books, asks: Sequence[Ask], played: Played) -> None:
    expected = foresee(asks)
    different = [
        ask.stay.line for ask in asks if expected.get(ask.number) != played.refused.get(ask.number)
    ]
    books.checks += [
        Check("refused = overlaps counted in the file", len(expected), len(played.refused)),
        Check("stays refused for another reason than counted", "none", _named(different)),
        Check("leases in events = granted", len(played.granted), len(books.leased)),
    ]


def _compare_settlements(books: Books, played: Played) -> None:
    different = []
    for one in books.settled:
        bill = books.bills.get(one.lease_id)
        leased = books.leased.get(one.lease_id)
        if bill is None or leased is None or _figures(one, leased) != _expected(bill, leased):
            different.append(f"0x{one.lease_id:028x}")
    shares, fees, refunds = books.owner_shares, books.total("fee"), books.total("refund")
    books.checks += [
        Check("settlements = leases", len(played.granted), len(books.settled)),
        Check("settlements unlike the tariff's bill", "none", _named(different)),
        Check(
            "deposits = owners' shares + fees + refunds", books.deposits, shares + fees + refunds
        ),
    ]


def _figures(one: events.Settled, leased: events.Leased) -> tuple[int, ...]:
    return (
        *(one.outcome, one.rent, one.overstay, one.energy, one.fee, one.refund),
        *(one.arrived, one.until, one.energy_wh, leased.deposit),
    )


def _expected(bill: Bill, leased: events.Leased) -> tuple[int, ...]:
    return (
        *(Outcome.DEPARTED, bill.rent, bill.overstay, bill.energy, bill.fee, bill.refund),
        *(bill.arrived, bill.until_minute, bill.energy_wh, bill.cost + bill.refund),
    )


async def _compare_ledger(books: Books, world: World, rpc: Rpc) -> None:
    head = EMPTY_HEAD
    for one in books.settled:
        record = Record(
            lease_id=one.lease_id,
            outcome=one.outcome,
            owner=one.owner,
            driver=one.driver,
            offer=one.offer,
            rent=one.rent,
            overstay=one.overstay,
            energy=one.energy,
            fee=one.fee,
            refund=one.refund,
            arrived=one.arrived,
            until=one.until,
            energy_wh=one.energy_wh,
            closed_at=one.closed_at,
        )
        head = next_head(head, record_hash(record))
    found, count, fees = await world.contracts.market.read(rpc, "ledger")
    numbers = [one.number for one in books.settled]
    gapless = numbers == list(range(1, len(numbers) + 1))
    books.checks += [
        Check("ledger's head from the events", "0x" + head.hex(), "0x" + bytes(found).hex()),
        Check("ledger's count, numbers without a gap", len(numbers) if gapless else -1, count),
        Check("ledger's fees = fees of the settlements", books.total("fee"), fees),
    ]


async def _compare_credits(books: Books, world: World, waves: Waves) -> dict[str, int]:
    """Credits of all people, checked against the events and the market's tokens."""
    market, asset = world.contracts.market, world.contracts.asset
    credit = await waves.read_all(market, "creditOf", world.people)
    tokens = int(await asset.read(waves.rpc, "balanceOf", market.address))
    closed = {one.lease_id for one in books.settled}
    still_open = sum(d.deposit for lease, d in books.leased.items() if lease not in closed)
    books.checks += [
        Check(
            "market's tokens = credits + fees + open deposits",
            sum(credit.values()) + books.total("fee") + still_open,
            tokens,
        ),
        Check("market's tokens = tokens taken in", books.pulled + books.deposited, tokens),
        Check("open deposits at the end", 0, still_open),
        Check("accounts whose credit is unlike the events", "none", _odd(_credits(books), credit)),
    ]
    return credit


def _credits(books: Books) -> dict[str, int]:
    """Every account's credit by the events alone."""
    credit: dict[str, int] = defaultdict(int)
    for one in books.settled:
        credit[one.owner] += one.rent + one.overstay + one.energy - one.fee
        credit[one.driver] += one.refund
    for lease in books.leased.values():
        credit[lease.driver] -= lease.deposit - lease.pulled
    return credit


def _withdrawals(world: World, credit: dict[str, int]) -> list[Call]:
    return [
        call_of(
            world.contracts.market,
            "withdraw",
            account,
            amount,
            sender=account,
            gas=_WITHDRAW_GAS,
        )
        for account, amount in credit.items()
        if amount
    ]


async def _compare_balances(books: Books, world: World, waves: Waves) -> None:
    """After everybody has withdrawn: only the fees are left in the market."""
    market, asset = world.contracts.market, world.contracts.asset
    credit = await waves.read_all(market, "creditOf", world.people)
    balance = await waves.read_all(asset, "balanceOf", world.people)
    left = int(await asset.read(waves.rpc, "balanceOf", market.address))
    due: dict[str, int] = defaultdict(int)
    for driver in world.drivers.values():
        due[driver.account] += driver.tokens
    for one in books.settled:
        cost = one.rent + one.overstay + one.energy
        due[one.owner] += cost - one.fee
        due[one.driver] -= cost
    minted = sum(driver.tokens for driver in world.drivers.values())
    books.checks += [
        Check("after all withdrew: credits left", 0, sum(credit.values())),
        Check("after all withdrew: market's tokens = fees", books.total("fee"), left),
        Check("accounts whose tokens are unlike the events", "none", _odd(due, balance)),
        Check("tokens of all = tokens minted", minted, sum(balance.values()) + left),
    ]


def _odd(expected: dict[str, int], found: dict[str, int]) -> str:
    accounts = sorted(set(expected) | set(found))
    return _named([a for a in accounts if expected.get(a, 0) != found.get(a, 0)])


def _named(items: Sequence[object]) -> str:
    """The first items of a list that should be empty."""
    if not items:
        return "none"
    shown = ", ".join(str(item) for item in items[:3])
    return shown if len(items) <= 3 else f"{shown} and {len(items) - 3} more"
