"""Random stories: whatever anybody tries, money is conserved, a refusal leaves no trace, the
calendar is that of the leases, the ledger follows from the events, and the same story has the same
end."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Any

from berth.core.addresses import ZERO
from berth.core.ids import split_lease
from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from berth.core.model import Agreement, ExtendRequest, Market, Occupancy, OfferTerms, Refused
from berth.core.slots import ceil_slot
from berth.core.states import LeaseState, Outcome
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backend.core.model.scene import (
    ADMIN,
    ARBITER,
    BUYER,
    CITY,
    DAY,
    DRIVER,
    GUARDIAN,
    HOUR,
    LOCK,
    MANAGER,
    MARKET,
    MOST,
    NEW_LOCK,
    OTHER,
    OWNER,
    PLATES,
    STRANGER,
    TERMS,
    Scene,
    title,
)

PEOPLE = (OWNER, BUYER, MANAGER, DRIVER, OTHER, STRANGER)
TOKENS = 4 * 10**12
#: All events but those of verbs that no story has.
EVENTS = {
    "Arrived",
    "AutoPayoutSet",
    "Blocked",
    "Compensated",
    "Deposited",
    "Disputed",
    "Extended",
    "FeeSet",
    "FeesWithdrawn",
    "Leased",
    "LockRotated",
    "ManagerSet",
    "NoShowRecorded",
    "OfferPublished",
    "OffersWithdrawn",
    "OverstayClaimed",
    "Paused",
    "PayoutFailed",
    "Settled",
    "Skipped",
    "SpaceDelisted",
    "SpaceRegistered",
    "SpaceTakenOver",
    "Unblocked",
    "Unpaused",
    "VehicleChanged",
    "Withdrawn",
}


def remembered(market: Market) -> list[Any]:
    """All that the market, its token and its titles hold; the values in their maps never change."""
    parts = (market, market.token, market.registry)
    held = [(part, each.name) for part in parts for each in fields(part) if each.name != "events"]
    return [copy(getattr(part, name)) for part, name in held if name not in ("token", "registry")]


@dataclass
class Story:
    """A scene, what was tried in it, and what the events told."""

    scene: Scene = field(default_factory=Scene)
    tried: list[tuple[int, str, tuple[Any, ...]]] = field(default_factory=list)
    leases: list[int] = field(default_factory=list)
    deposits: dict[int, int] = field(default_factory=dict)
    head: bytes = EMPTY_HEAD
    count: int = 0
    outcomes: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def attempt(self, verb: str, *arguments: Any) -> None:
        market = self.scene.market
        self.tried.append((market.now, verb, arguments))
        before = remembered(market)
        try:
            getattr(market, verb)(*arguments)
        except Refused:
            assert remembered(market) == before, verb
            assert market.events == []
        for name, event in market.events:
            self.names.add(name)
            self.read(name, event)
        self.check()

    def read(self, name: str, event: dict[str, Any]) -> None:
        if name in ("Leased", "Extended"):
            self.deposits[event["leaseId"]] = event["deposit"]
        if name in ("Leased", "Blocked"):
            self.leases.append(event["leaseId"])
        if name == "Settled":
            self.settle(event)

    def settle(self, event: dict[str, Any]) -> None:
        record = Record.told(event)
        self.outcomes.add(record.outcome)
        self.count += 1
        self.head = next_head(self.head, record_hash(record))
        assert event["number"] == self.count
        assert record.deposit == self.deposits.pop(record.lease_id)
        assert 0 <= record.fee <= record.cost
        state = self.scene.market.lease_of(record.lease_id).state
        assert state is Outcome(record.outcome).terminal_state

    def check(self) -> None:
        market = self.scene.market
        self.scene.conserved()
        assert sum(market.token.balances.values()) == TOKENS
        assert (market.head, market.count) == (self.head, self.count)
        assert sum(self.deposits.values()) == sum(map(market.deposit_of, market.open_leases()))
        held: dict[int, set[int]] = {}
        for key, lease in market.leases.items():
            lease.encode()
            if lease.state.is_open or lease.state is LeaseState.BLOCKED:
                space, start = key >> 32, key & 0xFFFFFFFF
                stay = set(range(start, start + lease.slots))
                assert not stay & held.get(space, set())
                held.setdefault(space, set()).update(stay)
        for space, taken in market.calendar.items():
            ahead = {slot for slot in taken if slot >= ceil_slot(market.now)}
            mine = {slot for slot in held.get(space, set()) if slot >= ceil_slot(market.now)}
            assert ahead == mine
            assert held.get(space, set()) <= taken
        for space in market.spaces.values():
            space.encode()
            assert 1 <= space.since <= space.first_live <= space.last_offer + 1

    def finish(self) -> None:
        """In the end everything can be closed and paid out."""
        market = self.scene.market
        market.now += 400 * DAY
        for lease in market.open_leases():
            self.attempt("close", STRANGER, lease)
        assert not market.open_leases()
        for account in list(market.accounts):
            if market.credit_of(account):
                self.attempt("withdraw", account, account, market.credit_of(account))
        if market.fees:
            self.attempt("withdraw_fees", ADMIN, ADMIN, market.fees)
        assert market.token.balance_of(MARKET) == 0


def leasing(story: Story, lot: Random) -> None:
    m, space = story.scene.market, story.scene.space
    words = m.spaces[space]
    driver = lot.choice([DRIVER, OTHER])
    request = story.scene.request(
        m.now // 900 + lot.randint(-1, 12),
        lot.choice([0, 1, 2, 3, 4, 5, 4]),
        offer=max(words.first_live, words.last_offer + lot.choice([0, 0, 0, 0, -1, 1])),
        kwh_cap=lot.choice([0, 7, 7, 7, 255, 256]),
        plate_commitment=PLATES[lot.choice([driver, driver, driver, OTHER])],
        max_cost=lot.choice([MOST, MOST, MOST, 10**6]),
    )
    story.attempt("lease", driver, request)


def owning(story: Story, lot: Random) -> None:
    scene, m, space = story.scene, story.scene.market, story.scene.space
    by = lot.choice([m.spaces[space].owner] * 4 + [BUYER, MANAGER])
    verb = lot.choice(["publish"] * 8 + ["block"] * 3 + ["withdraw", "manager", "rotate", "sell"])
    if verb == "publish":
        price = lot.choice([0, 1, 700_001, 10**9 + 7])
        terms = replace(OfferTerms.of(TERMS), price_per_slot=price)
        story.attempt("publish_offer", by, space, terms)
    elif verb == "block":
        story.attempt("block_slots", by, space, m.now // 900 + lot.randint(-1, 20), 3)
    elif verb == "withdraw":
        words = m.spaces[space]
        story.attempt(
            "withdraw_offers", by, space, lot.randint(words.first_live, words.last_offer + 1)
        )
    elif verb == "manager":
        story.attempt("set_manager", by, space, lot.choice([MANAGER, ZERO]))
    elif verb == "rotate":
        story.attempt("rotate_lock", by, space, scene.lock(lot.choice([LOCK, NEW_LOCK])))
    else:
        given = title(0, edition=m.registry.edition_of(CITY) + 1)
        m.registry.publish(CITY, [given])
        story.tried.append((m.now, "publish", (CITY, [given])))
        buyer, lock = lot.choice([OWNER, BUYER]), lot.choice([LOCK, NEW_LOCK])
        story.attempt("take_over", buyer, scene.registration(given, lock))


def ending(story: Story, lot: Random) -> None:
    """The space leaves the market and comes back."""
    scene, m, space = story.scene, story.scene.market, story.scene.space
    story.attempt("delist", lot.choice([m.spaces[space].owner, STRANGER]), space)
    if lot.random() < 0.5:
        m.now += 99 * DAY
    story.attempt("release", STRANGER, space)
    (given,) = (each for each in m.registry.editions[CITY].titles.values() if each.index == 0)
    story.attempt("register_space", lot.choice([OWNER, BUYER]), scene.registration(given))
    story.attempt("take_over", lot.choice([OWNER, BUYER]), scene.registration(given))


def money(story: Story, lot: Random) -> None:
    account, amount = lot.choice(PEOPLE), lot.choice([0, 1, 10**6, 10**8])
    verb = lot.choice(["deposit", "deposit_for", "withdraw", "payout", "wish", "batch"])
    if verb == "deposit":
        story.attempt("deposit", account, amount)
    elif verb == "deposit_for":
        story.attempt("deposit_for", account, lot.choice([*PEOPLE, MARKET]), amount)
    elif verb == "withdraw":
        story.attempt("withdraw", account, lot.choice([account, OTHER, MARKET]), amount)
    elif verb == "payout":
        story.attempt("payout", STRANGER, account)
    elif verb == "batch":
        story.attempt("payout_batch", STRANGER, lot.choices(PEOPLE, k=3))
    else:
        story.attempt("set_auto_payout", account, lot.random() < 0.7)


def governing(story: Story, lot: Random) -> None:
    verb = lot.choice(["fee", "fees", "unpause"] * 3 + ["pause"])
    if verb == "fee":
        story.attempt("set_fee", ADMIN, lot.choice([0, 250, 1000, 1001]))
    elif verb == "fees":
        story.attempt("withdraw_fees", ADMIN, STRANGER, lot.choice([0, 1, 1000, 10**9]))
    else:
        story.attempt(verb, GUARDIAN)


def evidence(story: Story, lot: Random, lease: int) -> None:
    m, begin = story.scene.market, split_lease(lease)[1] * 900
    end = begin + 900 * m.leases[lease >> 16].slots
    kind = lot.choice([1, 1, 2, 2, 2, 3, 4])
    if lot.random() < 0.8 and m.now < begin:
        m.now = lot.choice([begin, (begin + end) // 2, end, end + 3000])
    past = [moment for moment in (begin - 60, begin, begin + 61, end - 1) if moment <= m.now]
    from_ = lot.choice([begin, *past, m.now])
    until = from_ if kind == 1 else lot.choice([from_, m.now, m.now, end])
    energy = lot.choice([0, 1_234, 2**32 - 1]) if kind == 2 else 0
    seen = Occupancy(lease, kind, from_, until, energy)
    signer = m.spaces[lease >> 48].lock_key if lot.random() < 0.8 else NEW_LOCK
    sender = lot.choice([STRANGER, DRIVER, OTHER])
    if lot.random() < 0.7:
        story.attempt("record", sender, seen, signer)
    else:
        story.attempt("record_batch", sender, [seen, seen], [signer, signer])


def changing(story: Story, lot: Random, lease: int) -> None:
    m = story.scene.market
    word = m.leases[lease >> 16]
    payee = m.payee_of(lease >> 48, word.offer)
    verbs = ["extend", "change_vehicle", "cancel", "owner_cancel", "unblock", "dispute", "dispute"]
    verb = lot.choice([*verbs, "resolve", "agree", "close", "close", "close_batch"])
    right = {"owner_cancel": payee, "unblock": m.spaces[lease >> 48].owner}
    by = lot.choice([right.get(verb, word.driver)] * 4 + [payee, STRANGER])
    plate = PLATES.get(by, PLATES[DRIVER])
    if verb == "extend":
        more = ExtendRequest(lease, lot.randint(0, 3), lot.randint(0, 3), plate, MOST)
        story.attempt("extend", by, more)
    elif verb == "change_vehicle":
        story.attempt("change_vehicle", by, lease, plate)
    elif verb == "dispute":
        if lot.random() < 0.7:
            m.now = max(m.now, split_lease(lease)[1] * 900)
        story.attempt("dispute", by, lease)
    elif verb == "resolve":
        story.attempt("resolve", ARBITER, lease, lot.choice([0, 1, 10**6, 10**9]))
    elif verb == "agree":
        deposit = story.deposits.get(lease, 0) + lot.choice([0, 0, 0, 1])
        until = m.now + lot.choice([0, -1, 0])
        deal = Agreement(lease, deposit, lot.choice([0, 1, 10**6, 10**9]), until)
        story.attempt("agree", by, deal, word.driver, lot.choice([payee, payee, STRANGER]))
    elif verb == "close_batch":
        story.attempt("close_batch", by, [lease, *lot.choices(story.leases, k=2)])
    else:
        story.attempt(verb, by, lease)


def waiting(story: Story, lot: Random) -> None:
    steps = [1, 60, 900, 900, HOUR, HOUR, 3 * HOUR, 10 * HOUR, DAY, 3 * DAY, 8 * DAY]
    story.scene.market.now += lot.choice(steps)


def told(seed: int) -> Story:
    """The story of a seed."""
    story, lot = Story(), Random(seed)
    free = [leasing] * 8 + [owning] * 3 + [money] * 2 + [waiting] * 2 + [governing]
    for _ in range(60):
        if story.leases and lot.random() < 0.55:
            running = story.scene.market.open_leases() or story.leases
            lease = lot.choice(running if lot.random() < 0.8 else story.leases)
            lot.choice([evidence, changing])(story, lot, lease)
        elif lot.random() < 0.02:
            ending(story, lot)
        else:
            lot.choice(free)(story, lot)
    return story


@settings(max_examples=200)
@given(st.integers(0, 2**64 - 1))
def test_whatever_anybody_tries(seed: int):
    told(seed).finish()


def test_a_hundred_stories_meet_every_outcome_and_every_event():
    outcomes: set[int] = set()
    names: set[str] = set()
    for seed in range(100):
        story = told(seed)
        story.finish()
        outcomes |= story.outcomes
        names |= story.names
    assert outcomes == {each.value for each in Outcome} - {0}
    assert names == EVENTS


@settings(max_examples=30)
@given(st.integers(0, 2**64 - 1))
def test_the_same_calls_at_the_same_times_come_to_the_same_end(seed: int):
    story = told(seed)
    scene = Scene()
    for moment, verb, arguments in story.tried:
        scene.market.now = moment
        if verb == "publish":
            scene.market.registry.publish(*arguments)
            continue
        try:
            getattr(scene.market, verb)(*arguments)
        except Refused:
            assert scene.market.events == []
    scene.market.now = story.scene.market.now
    assert scene.market == story.scene.market
    assert scene.market.events == story.scene.market.events
