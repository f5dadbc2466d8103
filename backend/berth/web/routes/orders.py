"""Signed calls: tried first, brought to the chain at the operator's expense, then followed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from berth.chain.reverts import ChainRevertError
from berth.core.addresses import parse_address
from berth.core.errors import BerthError
from berth.market.following import Followed
from berth.market.forwarding import ForwardRequest, read_call
from berth.market.intents import dry_run
from berth.market.refusals import sentence
from berth.web.context import Language, ServicesDep, SessionDep
from berth.web.problems import within
from berth.web.schemas.intents import (
    IntentStateOut,
    PrepareBody,
    PreparedOut,
    RefusalOut,
    SubmitBody,
)

router = APIRouter(prefix="/v1/intents", tags=["intents"])

IntentParam = Annotated[
    str,
    Path(
        alias="intentId",
        pattern=r"^0x[0-9a-fA-F]{64}$",
        description="what submitting answered, or the hash of an own transaction",
    ),
]


@router.post("/prepare")
async def prepare_call(
    body: PrepareBody, services: ServicesDep, session: SessionDep, language: Language
) -> PreparedOut:
    """Tries a call as the account. Where the operator pays for it, what the account signs for that;
    otherwise the wallet sends it."""
    to, data = parse_address(body.to, "to"), bytes.fromhex(body.data[2:])
    read_call(services.contracts, to, data)
    gas, refused = await dry_run(services.rpc, session.address, to, data)
    if gas is None or refused is not None:
        refusal = None if refused is None else refusal_out(refused, language)
        return PreparedOut(refusal=refusal, sponsored=False, typed_data=None, gas=None)
    request = None
    if services.sponsor is not None:
        request = await services.sponsor.offer(session.address, to, data, gas)
    typed = None if request is None else request.message(services.deployment).typed_data
    return PreparedOut(refusal=None, sponsored=typed is not None, typed_data=typed, gas=gas)


@router.post("/submit", status_code=202)
async def submit(
    body: SubmitBody, services: ServicesDep, session: SessionDep, language: Language
) -> IntentStateOut:
    """Brings a signed request to the chain, once: submitting it again answers with what became of
    it. Refused when it is not the account's own, not as it was signed, or would fail now."""
    if services.sponsor is None:
        raise BerthError(
            "intent.unsponsored", "nobody pays for it here: send it by the wallet", status=404
        )
    given = body.request
    with within("request"):
        account, to = parse_address(given.sender, "from"), parse_address(given.to, "to")
    if account != session.address:
        raise BerthError(
            "intent.foreign", "is not the signed-in account", field="request.from", status=403
        )
    request = ForwardRequest(
        account,
        to,
        gas=int(given.gas),
        nonce=int(given.nonce),
        deadline=given.deadline,
        data=bytes.fromhex(given.data[2:]),
    )
    identity = await services.sponsor.bring(request, bytes.fromhex(body.signature[2:]))
    return state_out(await services.following.look(identity, session.address), language)


@router.get("/{intentId}")
async def intent_state(
    intent_id: IntentParam, services: ServicesDep, session: SessionDep, language: Language
) -> IntentStateOut:
    """What became of something that the account signed, or sent itself: from the chain, now."""
    found = await services.following.look(intent_id.lower(), session.address)
    return state_out(found, language)


def refusal_out(error: ChainRevertError, language: str) -> RefusalOut:
    return RefusalOut(code=error.name, sentence=sentence(error, language), detail=error.message)


def state_out(found: Followed, language: str) -> IntentStateOut:
    return IntentStateOut(
        id=found.identity,
        state=found.state,
        transaction=found.transaction,
        block=found.block,
        confirmations=found.confirmations,
        required=found.required,
        seconds_left=found.seconds_left,
        refusal=None if found.refusal is None else refusal_out(found.refusal, language),
        lease_id=found.lease_id,
        space_id=found.space_id,
    )
