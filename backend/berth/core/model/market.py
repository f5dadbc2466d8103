"""The market, put together from its parts."""

from __future__ import annotations

from berth.core import tariff
from berth.core.addresses import ZERO, parse_address
from berth.core.ids import lease_id as id_of
from berth.core.model.closing import Closing
from berth.core.model.evidence import Evidence
from berth.core.model.governance import ADMIN_ROLE, ARBITER_ROLE, GUARDIAN_ROLE, MAX_FEE_BPS
from berth.core.model.leasing import Leasing
from berth.core.model.owners_time import OwnersTime
from berth.core.model.refusal import MAX_8, at_most, between, refuse
from berth.core.model.registry import Registry
from berth.core.model.token import Token
from berth.core.slots import MAX_LEASE_SLOTS


class Market(Leasing, Evidence, Closing, OwnersTime):
    """A parking market of one currency, as the contract is meant to behave.

    The caller moves `now` (Unix seconds). Each verb is a method by its Solidity name in Python's
    spelling, whose first argument is the sender: it happens wholly, leaving its `events`, or it
    raises Refused and nothing has changed.

    The admin names guardian and arbiter with `grant_role`; `guardian` and `arbiter` are those
    there from the start, ZERO nobody.
    """

    def __init__(
        self,
        *,
        address: str,
        forwarder: str,
        token: Token,
        registry: Registry,
        admin: str,
        guardian: str = ZERO,
        arbiter: str = ZERO,
        fee_bps: int = 0,
        now: int = 0,
    ) -> None:
        if parse_address(admin) == ZERO:
            refuse("BadAccount", "admin", ZERO)
        at_most("feeBps", fee_bps, MAX_FEE_BPS)
        super().__init__(
            address=parse_address(address),
            forwarder=parse_address(forwarder),
            token=token,
            registry=registry,
            now=now,
            fee_bps=fee_bps,
        )
        named = ((ADMIN_ROLE, admin), (GUARDIAN_ROLE, guardian), (ARBITER_ROLE, arbiter))
        for role, account in named:
            if parse_address(account) != ZERO:
                self.roles[role] = frozenset({parse_address(account)})

    def quote(self, space_id: int, offer: int, slots: int, kwh_cap: int) -> int:
        """The deposit that a lease would take under an offer."""
        between("offer", offer, 1, self._space(space_id).last_offer)
        between("slots", slots, 1, MAX_LEASE_SLOTS)
        at_most("kwhCap", kwh_cap, MAX_8)
        return tariff.deposit(self.offers[space_id, offer], slots, kwh_cap)

    def open_leases(self) -> list[int]:
        """The numbers of all leases with money in escrow."""
        return [
            id_of(key >> 32, key & 0xFFFFFFFF, lease.epoch)
            for key, lease in self.leases.items()
            if lease.state.is_open
        ]

    def owed(self) -> int:
        """What the market's tokens must cover: credits, open deposits, fees."""
        credits_ = sum(account.credit for account in self.accounts.values())
        return credits_ + sum(map(self.deposit_of, self.open_leases())) + self.fees
