"""A comparison that could not fail would prove nothing: each fault put into the model here must be
found."""

from dataclasses import replace

import pytest
from berth.core import states, tariff
from berth.core.model import Market, closing, evidence, leases, offers
from berth.core.model.books import Former
from berth.core.words import RotationWord
from differential.campaign import run
from differential.cast import address
from differential.pair import Mismatch, Pair
from differential.steps import Step

SEQUENCES = 400


def _round_up(monkeypatch):
    def overstay(terms, minutes):
        return -(-terms.price_per_slot * terms.overstay_pct * minutes // 1500)

    monkeypatch.setattr(tariff, "_overstay", overstay)


def _wrong_fee(monkeypatch):
    divide = tariff._divide

    def divided(*args, **kwargs):
        bill = divide(*args, **kwargs)
        return replace(bill, fee=bill.fee + 1, owner=bill.owner - 1) if bill.fee else bill

    monkeypatch.setattr(tariff, "_divide", divided)


def _late_t1(monkeypatch):
    monkeypatch.setattr(states, "EVIDENCE_SECONDS", states.EVIDENCE_SECONDS + 1)


def _late_t3(monkeypatch):
    monkeypatch.setattr(states, "DISPUTE_SECONDS", states.DISPUTE_SECONDS - 1)


def _no_former_owner(monkeypatch):
    monkeypatch.setattr(Market, "payee_of", lambda self, space, offer: self.spaces[space].owner)


def _forgets_one_owner(monkeypatch):
    succeed = Market._succeed

    def forgetful(self, space_id, old, owner, since):
        succeed(self, space_id, old, owner, since)
        if (space_id, since) in self.former:
            self.former[space_id, since] = Former(owner, old.since)

    monkeypatch.setattr(Market, "_succeed", forgetful)


def _old_lock_for_ever(monkeypatch):
    def is_former(self, o, signer):
        return signer == self.rotation_of(leases.space_of(o.lease_id)).previous_key

    monkeypatch.setattr(Market, "_is_former_lock", is_former)


def _deaf_to_old_locks(monkeypatch):
    monkeypatch.setattr(Market, "_is_former_lock", lambda self, o, signer: False)


def _frees_a_slot_too_many(monkeypatch):
    monkeypatch.setattr(leases, "ceil_slot", lambda moment: moment // 900)


def _manager_stays(monkeypatch):
    succeed = Market._succeed

    def kept(self, space_id, old, owner, since):
        manager = self.managers.pop(space_id, None)
        succeed(self, space_id, old, owner, since)
        if manager:
            self.managers[space_id] = manager

    monkeypatch.setattr(Market, "_succeed", kept)


def _free_until_too_late(monkeypatch):
    def charge(terms, start_slot, slots, now):
        return real(terms, start_slot, slots, now - 1)

    real = tariff.cancel_charge
    monkeypatch.setattr(tariff, "cancel_charge", charge)


def _refunds_forgotten_no_shows(monkeypatch):
    close = Market._close

    def closed(self, lease_id, lease, bill, outcome):
        close(self, lease_id, replace(lease, no_show=False), bill, outcome)

    monkeypatch.setattr(Market, "_close", closed)


def _batches_stumble(monkeypatch):
    monkeypatch.setattr(Market, "_is_spent", lambda self, o: self._is_beyond(o.lease_id, 3))


def _pause_too_short(monkeypatch):
    monkeypatch.setattr("berth.core.model.governance.PAUSE_SECONDS", 7 * 86_400 - 1)


def _agreements_of_old_deposits(monkeypatch):
    def deposit_of(self, lease_id):
        return real(self, lease_id) + 1

    real = closing.Closing.deposit_of
    monkeypatch.setattr(closing.Closing, "deposit_of", deposit_of)


def _energy_for_nothing(monkeypatch):
    def left(self, lease):
        return {**real(self, lease), "energy_used": 0}

    real = evidence.Evidence._evidence
    monkeypatch.setattr(evidence.Evidence, "_evidence", left)


def _renewal_forgets_delisting(monkeypatch):
    def install(self, owner, r, edition):
        day = self.rotation_of(r.space_id).delisted_day
        real(self, owner, r, edition)
        if day:
            past = self.rotations.get(r.space_id, RotationWord())
            self.rotations[r.space_id] = replace(past, delisted_day=day)

    real = Market._install
    monkeypatch.setattr(Market, "_install", install)


def _fee_of_the_settlement(monkeypatch):
    def terms_of(self, lease_id):
        return replace(real(self, lease_id), fee_bps=self.fee_bps)

    real = leases.Leases.terms_of
    monkeypatch.setattr(leases.Leases, "terms_of", terms_of)


def _one_slot_of_the_week_too_many(monkeypatch):
    def allow(terms, start_slot, slots):
        return real(terms, start_slot, max(1, slots - 1))

    real = offers.hours_allow
    monkeypatch.setattr(offers, "hours_allow", allow)


FAULTS = [each for name, each in list(globals().items()) if name.startswith("_") and callable(each)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
def test_a_fault_in_the_model_is_found(fault, fresh, monkeypatch):
    fault(monkeypatch)
    _, findings = run(range(1, SEQUENCES), fresh, most_findings=1, short=False)
    assert findings, f"{SEQUENCES} sequences did not see it"
    assert "the contract says" in findings[0].what or "contract: " in findings[0].what


def test_a_finding_is_told_in_few_steps_and_comes_back_with_its_seed(fresh, monkeypatch):
    _fee_of_the_settlement(monkeypatch)
    _, (finding,) = run(range(1, SEQUENCES), fresh, most_findings=1)
    _, (again,) = run([finding.seed], fresh)
    assert str(again) == str(finding)
    assert len(finding.steps) <= 8
    told = str(finding)
    assert "publish_offer(space" in told
    assert "model:" in told
    assert "contract:" in told


def test_a_unit_that_vanishes_from_the_market_is_missed(fresh):
    ground = fresh()
    ground.model.token.balances[ground.model.address] = 5
    ground.model.token.balances[ground.model.forwarder] = 0
    with pytest.raises(Mismatch, match=r"balanceOf\(.*\): the contract says 0, the model 5"):
        Pair(ground).check()
    ground.model.token.balances[ground.model.address] = 0
    pair = Pair(ground)
    pair.check()
    ann = address("ann")
    gift = Step(ground.model.now + 1, ann, "token.transfer", (ann, pair.model.address, 7))
    pair.play(gift)
    pair.check()
    pair._donated = 0
    with pytest.raises(Mismatch, match="holds 7: 7 more than it owes, 0, and was given, 0"):
        pair.check()
