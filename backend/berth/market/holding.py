"""Whose a title is, where a verifier has attested a wallet: the market's own word."""

from __future__ import annotations

from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc
from berth.core.addresses import ZERO
from berth.core.compliance import Reason, decode
from berth.core.errors import BerthError
from berth.core.title import Title
from berth.market.calls import HolderProof, LockProof, Registration, compliance

#: What the market may hold against a verifier's word.
ABOUT_HOLDERS = frozenset(
    {
        Reason.HOLDER_VERIFIER_UNKNOWN,
        Reason.HOLDER_VERIFIER_REVOKED,
        Reason.HOLDER_SIGNATURE_INVALID,
        Reason.HOLDER_EXPIRED,
        Reason.HOLDER_ATTESTATION_REVOKED,
    }
)
#: The market judges whole registrations: this part of one is not asked about.
_NO_LOCK = LockProof(ZERO, 0, 0, b"", b"")


async def check_holder(
    contracts: Contracts, rpc: Rpc, wallet: str, title: Title, holder: HolderProof
) -> None:
    """Is the wallet, by a verifier's word, the title's holder? The market says so, as it would of a
    registration: it knows who verifies, who no longer does, and what was taken back.

    Raises BerthError `title.not_attested` (403), the chain's own, or NodeUnreachableError.
    """
    asked = Registration(title, (), holder, _NO_LOCK, 0, 0)
    found = decode(await compliance(contracts, rpc, wallet, asked))
    against = next((reason for reason in found if reason in ABOUT_HOLDERS), None)
    if against is not None:
        raise BerthError(
            "title.not_attested",
            "the verifier's word is not taken: {why}",
            field=against.field,
            status=403,
            why=against.sentence(),
        )
