"""Everything that both sides know, side by side."""

from collections.abc import Iterator
from dataclasses import dataclass

from berth.core.addresses import ZERO
from berth.core.ids import lease_id as id_of
from berth.core.model import ADMIN_ROLE, ARBITER_ROLE, GUARDIAN_ROLE, Market
from berth.core.states import LeaseState
from berth.core.words import LeaseWord

from differential.cast import CITY, PEOPLE, address, called
from differential.engines import Engine
from differential.signing import Word, word
from differential.wire import Wire

OPEN = (LeaseState.BOOKED, LeaseState.PARKED, LeaseState.CLAIMED)


@dataclass(frozen=True)
class Question:
    """A view, and what it should answer: whole words, or None for a refusal."""

    name: str
    to: str
    data: bytes
    expected: bytes | None
    counts: str = ""  # the part of the market's debt that the answer is


class State:
    """The questions to a market, from what the model knows."""

    def __init__(self, wire: Wire, model: Market) -> None:
        self._wire, self._model = wire, model
        self._functions = wire.abi.functions

    def differences(self, engine: Engine, donated: int) -> list[str]:
        """In words; none when both sides know the same and no unit is missing."""
        questions = list(self._all())
        answers = engine.calls([(each.to, each.data) for each in questions])
        found = [
            f"{each.name}: the contract says {_shown(answer)}, the model {_shown(each.expected)}"
            for each, answer in zip(questions, answers, strict=True)
            if answer != each.expected
        ]
        # of what the contract says alone
        held = owed = 0
        for each, answer in zip(questions, answers, strict=True):
            if each.counts and answer is not None:
                amount = int.from_bytes(answer[-32:], "big")
                if each.counts == "held":
                    held += amount
                else:
                    owed += amount
        if held != owed + donated:
            found.append(
                f"the market holds {held}: {held - owed - donated} more than it owes, "
                f"{owed}, and was given, {donated}"
            )
        return found

    def _all(self) -> Iterator[Question]:
        yield from self._money()
        yield from self._leases()
        yield from self._spaces()
        yield from self._offices()

    def _money(self) -> Iterator[Question]:
        model, token, market = self._model, self._wire.at.token, self._wire.at.market
        accounts = {*map(address, PEOPLE), *model.accounts, *model.token.balances}
        for account in sorted(accounts):
            counts = "held" if account == market else ""
            balance = model.token.balance_of(account)
            yield self._ask(token, "balanceOf", [account], [balance], account, counts)
            allowed = model.token.allowance(account, market)
            yield self._ask(token, "allowance", [account, market], [allowed], account)
            held = model.account_of(account)
            yield self._ask(market, "creditOf", [account], [held.credit], account, "owed")
            yield self._ask(market, "autoPayoutOf", [account], [held.auto_payout], account)
        for name in PEOPLE:
            nonce = model.token.nonces.get(address(name), 0)
            # the forwarder's function has the same name and form
            yield self._ask(token, "nonces", [address(name)], [nonce], name)

    def _leases(self) -> Iterator[Question]:
        model, market = self._model, self._wire.at.market
        for key, lease in model.leases.items():
            lease_id = id_of(key >> 32, key & 0xFFFFFFFF, lease.epoch)
            yield self._ask(market, "leaseOf", [lease_id], _view(lease))
            # the same start, leased before or not yet
            yield self._ask(market, "leaseOf", [lease_id - 1], None)
            if not lease.offer:
                yield self._ask(market, "depositOf", [lease_id], None)
                continue
            counts = "owed" if lease.state in OPEN else ""
            deposit = model.deposit_of(lease_id)
            yield self._ask(market, "depositOf", [lease_id], [deposit], counts=counts)
            t = model.times_of(lease_id)
            yield self._ask(market, "timesOf", [lease_id], [t.start, t.end, t.t1, t.t2, t.t3])
        yield self._ask(market, "ledger", [], [model.head, model.count, model.fees], counts="fees")

    def _spaces(self) -> Iterator[Question]:
        model, market = self._model, self._wire.at.market
        for space_id, space in model.spaces.items():
            words = [*space.encode(), model.rotation_of(space_id).encode()]
            yield self._ask(market, "spaceOf", [space_id], words)
            yield self._ask(market, "managerOf", [space_id], [model.manager_of(space_id)])
            for offer in range(1, space.last_offer + 2):
                payee = model.payee_of(space_id, offer)
                yield self._ask(market, "payeeOf", [space_id, offer], [payee])
                if offer <= space.last_offer:
                    price = model.quote(space_id, offer, 3 + offer, 2)
                    yield self._ask(market, "quote", [space_id, offer, 3 + offer, 2], [price])
                yield self._ask(
                    market, "offerOf", [space_id, offer], [*model.offer_of(space_id, offer)]
                )
            taken = {slot >> 8 for slot in model.calendar.get(space_id, ())}
            for number in taken | {each + 1 for each in taken}:
                bits = model.calendar_of(space_id, number)
                yield self._ask(market, "calendarOf", [space_id, number], [bits])

    def _offices(self) -> Iterator[Question]:
        model, market, titles = self._model, self._wire.at.market, self._wire.at.titles
        for plate, v in model.vehicles.items():
            known = [v.driver, v.until_slot, v.verifier, v.size]
            yield self._ask(market, "vehicleOf", [plate], known)
        for id_, attester in model.attesters.items():
            revoked = id_ in model.revoked_attesters
            known = [attester.account, attester.roles, revoked]
            yield self._ask(market, "attesterOf", [id_], known)
        for id_ in model.attesters:
            for _, nonce in model.revoked_attestations:
                for each in (nonce, nonce + 1):
                    revoked = model.attestation_revoked(id_, each)
                    yield self._ask(market, "attestationRevoked", [id_, each], [revoked])
        revoked = sum(1 << id_ for id_ in model.revoked_attesters)
        yield self._ask(market, "config", [], [model.fee_bps, model.paused_until, revoked])
        for role in (ADMIN_ROLE, GUARDIAN_ROLE, ARBITER_ROLE):
            for name in ("admin", "guardian", "arbiter", *PEOPLE):
                has = model.has_role(role, address(name))
                yield self._ask(market, "hasRole", [role, address(name)], [has], name)
        for index in range(8):
            revoked_title = model.registry.is_revoked(CITY, index)
            yield self._ask(titles, "isRevoked", [CITY, index], [revoked_title])
            holder = model.registry.market_of(CITY << 32 | index) or ZERO
            yield self._ask(titles, "marketOf", [CITY << 32 | index], [holder])

    def _ask(
        self,
        to: str,
        function: str,
        arguments: list[Word],
        expected: list[Word] | None,
        account: str = "",
        counts: str = "",
    ) -> Question:
        who = called(account) if account else ", ".join(map(str, arguments))
        return Question(
            f"{function}({who})",
            to,
            self._functions[function].call(*arguments),
            None if expected is None else b"".join(map(word, expected)),
            counts,
        )


def _view(lease: LeaseWord) -> list[Word]:
    """LeaseView."""
    return [
        lease.driver,
        lease.state,
        lease.disputed,
        lease.slots,
        lease.offer,
        lease.epoch,
        lease.kwh_cap,
        lease.arrived,
        lease.until,
        lease.energy_used,
        lease.no_show,
    ]


def _shown(answer: bytes | None) -> str:
    if answer is None:
        return "no"
    words = [
        int.from_bytes(answer[place : place + 32], "big") for place in range(0, len(answer), 32)
    ]
    return ", ".join(str(each) if each < 1 << 64 else hex(each) for each in words)
