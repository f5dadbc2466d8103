"""The market's fee, pause and attesters."""

from __future__ import annotations

from berth.chain import events
from berth.indexer.projection import Place, Projection
from berth.indexer.projections.money import market_row
from berth.store import derived


def fee_set(p: Projection, e: events.FeeSet, _at: Place) -> None:
    row = market_row(p)
    row["fee_bps"] = e.fee_bps
    p.rows.put(derived.market_state, row)


def paused(p: Projection, e: events.Paused, at: Place) -> None:
    row = market_row(p)
    row["paused_until"] = e.until
    p.rows.put(derived.market_state, row)
    p.tell("market.paused", at, None, {"until": e.until})


def unpaused(p: Projection, _e: events.Unpaused, at: Place) -> None:
    row = market_row(p)
    # as the contract does: the moment of the last lapse decides when the next pause may begin
    row["paused_until"] = at.timestamp
    p.rows.put(derived.market_state, row)
    p.tell("market.unpaused", at, None, {})


def attester_set(p: Projection, e: events.AttesterSet, _at: Place) -> None:
    row = {"id": e.id, "account": e.account, "roles": e.roles, "revoked": 0}
    p.rows.put(derived.attesters, row)


def attester_revoked(p: Projection, e: events.AttesterRevoked, at: Place) -> None:
    row = p.required(derived.attesters, e.id)
    row["revoked"] = 1
    p.rows.put(derived.attesters, row)
    p.tell("attester.revoked", at, None, {"id": e.id})


def attestation_revoked(p: Projection, e: events.AttestationRevoked, _at: Place) -> None:
    row = {"id": e.id, "nonce": f"0x{e.nonce:064x}"}
    p.rows.put(derived.attestation_revocations, row)
