"""The whole market in plain Python: what the contracts are held against, and what quotes and
previews may ask. No chain, no signatures, no storage: facts in, state and events out."""

from berth.core.model.books import Account, Attester, Event, Former
from berth.core.model.facts import (
    Agreement,
    ExtendRequest,
    HolderProof,
    LeaseRequest,
    LockProof,
    Occupancy,
    OfferTerms,
    Permit,
    Registration,
    VehicleProof,
)
from berth.core.model.governance import (
    ADMIN_ROLE,
    ARBITER_ROLE,
    GUARDIAN_ROLE,
    MAKES_LOCKS,
    VERIFIES_HOLDERS,
    VERIFIES_VEHICLES,
)
from berth.core.model.market import Market
from berth.core.model.refusal import Refused
from berth.core.model.registry import Registry
from berth.core.model.table import ALIASES, TRANSITIONS, Transition, Who, closing_time, rows_of
from berth.core.model.token import Token

__all__ = [
    "ADMIN_ROLE",
    "ALIASES",
    "ARBITER_ROLE",
    "GUARDIAN_ROLE",
    "MAKES_LOCKS",
    "TRANSITIONS",
    "VERIFIES_HOLDERS",
    "VERIFIES_VEHICLES",
    "Account",
    "Agreement",
    "Attester",
    "Event",
    "ExtendRequest",
    "Former",
    "HolderProof",
    "LeaseRequest",
    "LockProof",
    "Market",
    "Occupancy",
    "OfferTerms",
    "Permit",
    "Refused",
    "Registration",
    "Registry",
    "Token",
    "Transition",
    "VehicleProof",
    "Who",
    "closing_time",
    "rows_of",
]
