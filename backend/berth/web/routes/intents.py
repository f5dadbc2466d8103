"""What an account wants to change: asked of the contract first, then prepared to be signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from berth.core.addresses import parse_address
from berth.core.errors import BerthError
from berth.core.ids import lease_hex, parse_lease, parse_space
from berth.core.messages import agreement
from berth.core.slots import MAX_LEASE_SLOTS
from berth.core.tariff import Terms, deposit
from berth.market import calls, intents, leases
from berth.market.calls import Transaction
from berth.market.leases import Lease
from berth.market.refusals import sentence
from berth.web import views
from berth.web.context import Language, ServicesDep, SessionDep
from berth.web.routes.spaces import lock_of
from berth.web.schemas import intents as wanted
from berth.web.schemas.common import amount
from berth.web.schemas.intents import IntentBody, IntentOut, RefusalOut
from berth.web.services import Services

router = APIRouter(prefix="/v1/intents", tags=["intents"])
_MAX_KWH = 255


@dataclass
class _Prepared:
    """The transaction of an intent (None: there is something to sign first), what must come before
    it, and what else the answer tells."""

    transaction: Transaction | None
    before: tuple[Transaction, ...] = ()
    told: dict[str, Any] | None = None


@router.post("")
async def prepare(
    body: IntentBody, services: ServicesDep, session: SessionDep, language: Language
) -> IntentOut:
    """The transactions of a verb, for the account to sign, after a dry run on the chain.

    When the contract would refuse it now, the answer says why and holds no transaction. A dry run
    with a token transfer that is not allowed yet is left out: the approval comes along.
    """
    prepared = await _prepare(body, services, session.address)
    refused = None
    if prepared.transaction is not None and not prepared.before:
        refused = await intents.refusal(services.rpc, prepared.transaction, session.address)
    transactions = [*prepared.before, prepared.transaction] if prepared.transaction else []
    chain_id = services.deployment.chain_id
    return IntentOut.model_validate(
        {
            "verb": body.verb,
            "refusal": None
            if refused is None
            else RefusalOut(
                code=refused.name, sentence=sentence(refused, language), detail=refused.message
            ),
            "transactions": []
            if refused is not None
            else [views.transaction_out(one, chain_id) for one in transactions],
            **(prepared.told or {}),
        }
    )


async def _prepare(body: Any, services: Services, account: str) -> _Prepared:
    contracts = services.contracts
    match body:
        case wanted.ExtendBody():
            return await _extend(body, services, account)
        case wanted.AgreeBody():
            return await _agree(body, services, account)
        case wanted.ChangeVehicleBody():
            plate = bytes.fromhex(body.plate_commitment[2:])
            made = intents.change_vehicle(contracts, parse_lease(body.lease_id), plate)
        case wanted.LeaseVerbBody():
            build = {
                "cancel": intents.cancel,
                "ownerCancel": intents.owner_cancel,
                "dispute": intents.dispute,
                "close": intents.close,
            }[body.verb]
            made = build(contracts, parse_lease(body.lease_id))
        case wanted.BlockBody():
            made = intents.block_slots(
                contracts,
                space_id=parse_space(body.space_id),
                start_slot=body.start_slot,
                slots=body.slots,
            )
        case wanted.UnblockBody():
            made = intents.unblock(contracts, parse_lease(body.block_id))
        case wanted.WithdrawOffersBody():
            space = parse_space(body.space_id)
            made = intents.withdraw_offers(contracts, space, body.first_live)
        case wanted.SetManagerBody():
            manager = parse_address(body.manager, "manager")
            made = intents.set_manager(contracts, parse_space(body.space_id), manager)
        case wanted.SpaceVerbBody():
            space = parse_space(body.space_id)
            make = intents.delist if body.verb == "delist" else intents.release
            made = make(contracts, space)
        case wanted.RotateLockBody():
            space = parse_space(body.space_id)
            made = intents.rotate_lock(contracts, space, lock_of(body.lock))
        case wanted.AutoPayoutBody():
            made = intents.set_auto_payout(contracts, body.enabled)
        case _:  # the schema takes no other
            raise BerthError("intent.verb", "is none of this market", field="verb", status=422)
    return _Prepared(made)


async def _extend(body: wanted.ExtendBody, services: Services, account: str) -> _Prepared:
    lease, terms = await run_in_threadpool(_lease, services, body.lease_id, account)
    slots, kwh = lease.slots + body.slots, lease.kwh_cap + body.kwh
    if not body.slots and not body.kwh:
        raise BerthError("extend.nothing", "give slots, kwh or both", field="slots", status=422)
    for name, total, most in (("slots", slots, MAX_LEASE_SLOTS), ("kwh", kwh, _MAX_KWH)):
        if total > most:
            raise BerthError(
                "extend.too_much",
                "the lease would have {total}, {most} is the most",
                field=name,
                status=422,
                total=total,
                most=most,
            )
    total = deposit(terms, slots, kwh)
    more = total - lease.deposit
    contracts, rpc = services.contracts, services.rpc
    funds = await calls.funds(contracts, rpc, account)
    pulled = max(0, more - funds.credit)
    plate = body.plate_commitment or lease.plate_commitment
    made = intents.extend(
        contracts,
        lease_id=parse_lease(body.lease_id),
        slots=body.slots,
        kwh=body.kwh,
        plate_commitment=bytes.fromhex(plate[2:]),
        maximum_cost=total,
    )
    before = (calls.approve(contracts, pulled),) if pulled > funds.allowance else ()
    return _Prepared(made, before, {"deposit": amount(total), "more": amount(more)})


async def _agree(body: wanted.AgreeBody, services: Services, account: str) -> _Prepared:
    lease, _terms = await run_in_threadpool(_lease, services, body.lease_id, account)
    number, cost = parse_lease(body.lease_id), int(body.cost)
    if cost > lease.deposit:
        raise BerthError(
            "agree.cost",
            "is more than the deposit, {deposit}",
            field="cost",
            status=422,
            deposit=lease.deposit,
        )
    domain, deposited = services.deployment.domain, lease.deposit
    typed = agreement(domain, number, deposited, cost, body.valid_until)
    made = None
    if body.signature is not None:
        other = "payee_signature" if account == lease.driver else "driver_signature"
        signature = bytes.fromhex(body.signature[2:])
        made = intents.agree(
            services.contracts,
            lease_id=number,
            deposit=deposited,
            cost=cost,
            valid_until=body.valid_until,
            **{other: signature},
        )
    return _Prepared(made, told={"typed_data": typed.typed_data})


def _lease(services: Services, lease_id: str, account: str) -> tuple[Lease, Terms]:
    with services.store.read() as conn:
        lease = leases.lease_for_party(conn, lease_hex(parse_lease(lease_id)), account)
        return lease, leases.terms_for(conn, lease)
