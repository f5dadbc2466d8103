"""The market's fee, pause and attesters."""

from __future__ import annotations

from berth.chain import events
from berth.indexer.projection import Place, Projection
from berth.indexer.projections.money import market_row
from berth.store import derived


def fee_set(p: Projection, e: events.FeeSet, _at: Place) -> None:
    market_row(p)["fee_bps"] = e.fee_bps


def paused(p: Projection, e: events.Paused, at: Place) -> None:
    market_row(p)["paused_until"] = e.until
    p.tell("market.paused", at, None, {"until": e.until})


def unpaused(p: Projection, _e: events.Unpaused, at: Place) -> None:
    # as the contract does: the moment of the last lapse decides when the next pause may begin
    market_row(p)["paused_until"] = at.timestamp
    p.tell("market.unpaused", at, None, {})


def attester_set(p: Projection, e: events.AttesterSet, _at: Place) -> None:
    row = {"id": e.id, "account": e.account, "roles": e.roles, "revoked": 0}
    p.rows.put(derived.attesters, row)


def attester_revoked(p: Projection, e: events.AttesterRevoked, at: Place) -> None:
    p.changing(derived.attesters, e.id)["revoked"] = 1
    p.tell("attester.revoked", at, None, {"id": e.id})


def attestation_revoked(p: Projection, e: events.AttestationRevoked, _at: Place) -> None:
    row = {"id": e.id, "nonce": f"0x{e.nonce:064x}"}
    p.rows.put(derived.attestation_revocations, row)
