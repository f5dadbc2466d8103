"""Who is trusted for what, the fee and the pause."""

from __future__ import annotations

from typing import Final

from berth.core.addresses import ZERO, parse_address
from berth.core.hashing import keccak
from berth.core.model.books import Attester, verb
from berth.core.model.credits import Credits
from berth.core.model.refusal import MAX_128, Refused, at_most, between, refuse

ADMIN_ROLE: Final = bytes(32)
GUARDIAN_ROLE: Final = keccak(b"GUARDIAN_ROLE")
ARBITER_ROLE: Final = keccak(b"ARBITER_ROLE")

VERIFIES_HOLDERS: Final = 1
VERIFIES_VEHICLES: Final = 2
MAKES_LOCKS: Final = 4

MAX_FEE_BPS: Final = 1000
PAUSE_SECONDS: Final = 7 * 24 * 3600


class Governance(Credits):
    """Verbs of the admin, the guardian and attesters: raw senders, never through the forwarder."""

    @verb
    def set_fee(self, sender: str, fee_bps: int) -> None:
        self._only(ADMIN_ROLE, sender)
        at_most("feeBps", fee_bps, MAX_FEE_BPS)
        self.fee_bps = fee_bps
        self.emit("FeeSet", feeBps=fee_bps)

    @verb
    def set_attester(self, sender: str, id_: int, account: str, roles: int) -> None:
        account = parse_address(account, "account")
        self._only(ADMIN_ROLE, sender)
        between("id", id_, 1, 127)
        between("roles", roles, 1, 7)
        if account == ZERO:
            refuse("BadAccount", "account", account)
        if id_ in self.attesters:
            refuse("AttesterTaken", id_, self.attesters[id_].account)
        self.attesters[id_] = Attester(account, roles)
        self.emit("AttesterSet", id=id_, account=account, roles=roles)

    @verb
    def revoke_attester(self, sender: str, id_: int) -> None:
        self._admin_or_guardian(sender)
        if id_ not in self.attesters:
            refuse("AttesterUnknown", id_)
        self.revoked_attesters |= {id_}
        self.emit("AttesterRevoked", id=id_)

    @verb
    def revoke_attestation(self, sender: str, id_: int, nonce: int) -> None:
        if id_ not in self.attesters or sender != self.attesters[id_].account:
            refuse("NotAttester", id_, sender)
        self.revoked_attestations |= {(sender, nonce)}
        self.emit("AttestationRevoked", id=id_, nonce=nonce)

    @verb
    def pause(self, sender: str) -> None:
        self._only(GUARDIAN_ROLE, sender)
        if self.paused_until and self.now < self.paused_until + PAUSE_SECONDS:
            refuse("PausedTooSoon", self.paused_until + PAUSE_SECONDS)
        self.paused_until = self.now + PAUSE_SECONDS
        self.emit("Paused", until=self.paused_until)

    @verb
    def unpause(self, sender: str) -> None:
        self._admin_or_guardian(sender)
        if self.now >= self.paused_until:
            refuse("NotPaused")
        self.paused_until = self.now
        self.emit("Unpaused")

    @verb
    def withdraw_fees(self, sender: str, to: str, amount: int) -> None:
        to = parse_address(to, "to")
        self._only(ADMIN_ROLE, sender)
        between("amount", amount, 1, MAX_128)
        if self.fees < amount:
            refuse("FeesTooLow", self.fees, amount)
        self.fees -= amount
        self.emit("FeesWithdrawn", to=to, amount=amount)
        self._push(to, amount)

    @verb
    def grant_role(self, sender: str, role: bytes, account: str) -> None:
        account = parse_address(account, "account")
        self._only(ADMIN_ROLE, sender)
        if not self.has_role(role, account):
            self.roles[role] = self.roles.get(role, frozenset()) | {account}
            self.emit("RoleGranted", role=role, account=account, sender=sender)

    @verb
    def revoke_role(self, sender: str, role: bytes, account: str) -> None:
        account = parse_address(account, "account")
        self._only(ADMIN_ROLE, sender)
        if self.has_role(role, account):
            self.roles[role] = self.roles[role] - {account}
            self.emit("RoleRevoked", role=role, account=account, sender=sender)

    @verb
    def renounce_role(self, sender: str, role: bytes, confirmation: str) -> None:
        if parse_address(confirmation, "confirmation") != sender:
            raise Refused("AccessControlBadConfirmation")
        if self.has_role(role, sender):
            self.roles[role] = self.roles[role] - {sender}
            self.emit("RoleRevoked", role=role, account=sender, sender=sender)

    def has_role(self, role: bytes, account: str) -> bool:
        return parse_address(account) in self.roles.get(role, frozenset())

    def attestation_revoked(self, id_: int, nonce: int) -> bool:
        """By account: an attestation stays revoked when its attester is given another id."""
        known = self.attesters.get(id_)
        return known is not None and (known.account, nonce) in self.revoked_attestations

    def _only(self, role: bytes, account: str) -> None:
        if not self.has_role(role, account):
            raise Refused("AccessControlUnauthorizedAccount", (account, role))

    def _admin_or_guardian(self, account: str) -> None:
        if not self.has_role(ADMIN_ROLE, account):
            self._only(GUARDIAN_ROLE, account)

    def _check_not_paused(self) -> None:
        if self.now < self.paused_until:
            refuse("Paused", self.paused_until)

    def _attester(self, id_: int, role: int) -> str | None:
        """The account with this id if it has the role, revoked or not."""
        attester = self.attesters.get(id_)
        return attester.account if attester and attester.roles & role else None

    def _attester_in_force(self, id_: int, role: int) -> str:
        account = self._attester(id_, role)
        if account is None:
            refuse("AttesterUnknown", id_)
        if id_ in self.revoked_attesters:
            refuse("AttesterRevoked", id_)
        return account
