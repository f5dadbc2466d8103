"""Every reason against a registration: of the title, the holder, the lock, the charger."""

from __future__ import annotations

from berth.core.addresses import ZERO, parse_address
from berth.core.compliance import Reason, encode
from berth.core.model.facts import HolderProof, LockProof, Registration
from berth.core.model.governance import MAKES_LOCKS, VERIFIES_HOLDERS, Governance
from berth.core.model.refusal import MAX_8, MAX_16
from berth.core.slots import utc_day

MAX_POWER = 10_000


class Compliance(Governance):
    """What registering and taking over ask for; answered as the contract's bitmap."""

    def compliance(self, owner: str, r: Registration) -> int:
        """Why `owner` may not register this space; 0 may."""
        reasons = self.registry.title_reasons(r.title, r.proven, utc_day(self.now))
        reasons |= self._own_reasons(r)
        if self.address not in self.registry.markets:
            reasons.add(Reason.MARKET_NOT_ALLOWED)
        return encode(reasons)

    def take_over_compliance(self, owner: str, r: Registration) -> int:
        """Why `owner` may not renew this space or take it over; 0 may."""
        return encode(self._take_over_reasons(parse_address(owner), r)[0])

    def _take_over_reasons(self, owner: str, r: Registration) -> tuple[set[Reason], int]:
        reasons, edition = self.registry.reclaim(self.address, r.title, r.proven, utc_day(self.now))
        reasons |= self._own_reasons(r)
        space = self.spaces.get(r.space_id)
        present, stored = (space.owner, space.edition) if space else (ZERO, 0)
        if owner != present and edition <= stored:
            reasons.add(Reason.EDITION_NOT_NEWER)
        return reasons, edition

    def _own_reasons(self, r: Registration) -> set[Reason]:
        """What the market itself holds against a registration."""
        sane = (
            r.connectors <= MAX_8 and r.power <= MAX_POWER and (r.connectors == 0) == (r.power == 0)
        )
        charger = set() if sane else {Reason.CHARGER_INCONSISTENT}
        return self._holder_reasons(r.holder) | self._lock_reasons(r.lock) | charger

    def _holder_reasons(self, holder: HolderProof) -> set[Reason]:
        verifier = self._attester(holder.verifier, VERIFIES_HOLDERS)
        if verifier is None:
            return {Reason.HOLDER_VERIFIER_UNKNOWN}
        reasons = set()
        if holder.verifier in self.revoked_attesters:
            reasons.add(Reason.HOLDER_VERIFIER_REVOKED)
        if self.attestation_revoked(holder.verifier, holder.nonce):
            reasons.add(Reason.HOLDER_ATTESTATION_REVOKED)
        if utc_day(self.now) > holder.valid_day:
            reasons.add(Reason.HOLDER_EXPIRED)
        if holder.valid_day > MAX_16 or holder.signed_by != verifier:
            reasons.add(Reason.HOLDER_SIGNATURE_INVALID)
        return reasons

    def _lock_reasons(self, lock: LockProof) -> set[Reason]:
        reasons = set()
        if lock.possession_signed_by != lock.key or lock.key == ZERO:
            reasons.add(Reason.LOCK_POSSESSION_INVALID)
        maker = self._attester(lock.maker, MAKES_LOCKS)
        if maker is None:
            return reasons | {Reason.LOCK_MAKER_UNKNOWN}
        if lock.maker in self.revoked_attesters:
            reasons.add(Reason.LOCK_MAKER_REVOKED)
        if utc_day(self.now) > lock.valid_day:
            reasons.add(Reason.LOCK_EXPIRED)
        if lock.valid_day > MAX_16 or lock.maker_signed_by != maker:
            reasons.add(Reason.LOCK_ATTESTATION_INVALID)
        return reasons
