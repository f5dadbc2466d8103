"""What operators look at and mend: commands, rows of the outbox, incidents."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from berth.core.zones import rfc3339
from berth.relay.letters import (
    GIVEN_UP,
    Letter,
    Undelivered,
    list_commands,
    list_undelivered,
    retry_command,
    retry_undelivered,
)
from berth.relay.reasons import explain
from berth.store.incidents import Incident, list_incidents, resolve_incident
from berth.store.wake import announce
from berth.web import cursors
from berth.web.context import ServicesDep
from berth.web.operator import OperatorOnly
from berth.web.schemas.common import LEASE_PATTERN
from berth.web.schemas.ops import (
    CommandOut,
    CommandsOut,
    IncidentOut,
    IncidentsOut,
    OutboxListOut,
    OutboxOut,
    ResolveBody,
    RetryBody,
    State,
)

router = APIRouter(prefix="/v1/ops", tags=["ops"], dependencies=[OperatorOnly])

Lease = Annotated[
    str | None, Query(alias="leaseId", pattern=LEASE_PATTERN, description="of this lease only")
]
Limit = Annotated[int, Query(ge=1, le=500)]
CursorText = Annotated[str | None, Query(description="`next` of the page before")]
Number = Annotated[int, Path(alias="id", ge=1, lt=1 << 63)]


@router.get("/commands")
def commands(
    services: ServicesDep,
    state: Annotated[list[State], Query(description="several by repeating it")] = list(GIVEN_UP),  # type: ignore[arg-type]  # noqa: B006
    lease_id: Lease = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> CommandsOut:
    """Commands to locks by state, those that were given up unless others are named."""
    after = cursors.decode(cursor, (int, str))
    with services.store.read() as conn:
        found = list_commands(
            conn,
            states=tuple(state),
            lease_id=None if lease_id is None else lease_id.lower(),
            after=None if after is None else (int(after[0]), str(after[1])),
            limit=limit,
        )
    last = found[-1] if len(found) == limit else None
    return CommandsOut(
        commands=[_command(one) for one in found],
        next=None if last is None else cursors.encode([last.updated_at, last.id]),
    )


@router.post("/commands/{id}")
def retry(
    command_id: Annotated[str, Path(alias="id", max_length=64)],
    _body: RetryBody,
    services: ServicesDep,
) -> CommandOut:
    """Try one again that was given up: another command, judged anew by the access policy. Nothing
    comes back for a lease that is over."""
    with services.store.write() as conn:
        made = retry_command(conn, command_id, services.clock.now())
        announce(conn)
    services.relay.wake()
    return _command(made)


@router.get("/outbox")
def outbox(services: ServicesDep, limit: Limit = 100) -> OutboxListOut:
    """Changes in the chain that could not be acted on, ten times in a row."""
    with services.store.read() as conn:
        return OutboxListOut(rows=[_row(one) for one in list_undelivered(conn, limit)])


@router.post("/outbox/{id}")
def retry_row(number: Number, _body: RetryBody, services: ServicesDep) -> OutboxOut:
    """Try one of them again."""
    with services.store.write() as conn:
        row = retry_undelivered(conn, number, services.clock.now())
        announce(conn)
    services.relay.wake()
    return _row(row)


@router.get("/incidents")
def incidents(
    services: ServicesDep,
    resolved: Annotated[bool, Query(description="also those that are settled")] = False,
    lease_id: Lease = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> IncidentsOut:
    """What went wrong for somebody who had a right to have it go well."""
    after = cursors.decode(cursor, (int,))
    with services.store.read() as conn:
        found = list_incidents(
            conn,
            resolved=resolved,
            lease_id=None if lease_id is None else lease_id.lower(),
            before=None if after is None else int(after[0]),
            limit=limit,
        )
    last = found[-1] if len(found) == limit else None
    return IncidentsOut(
        incidents=[_incident(one) for one in found],
        next=None if last is None else cursors.encode([last.id]),
    )


@router.post("/incidents/{id}")
def resolve(number: Number, body: ResolveBody, services: ServicesDep) -> IncidentOut:
    """Say that one is settled, and how."""
    with services.store.write() as conn:
        now = services.clock.now()
        return _incident(resolve_incident(conn, number, body.resolution, body.by, now))


def _words(reason: str | None) -> dict[str, Any]:
    words = explain(reason)
    return {"reason": reason, "sentence": words.sentence, "advice": words.advice}


def _command(one: Letter) -> CommandOut:
    return CommandOut(
        id=one.id,
        lock_id=one.lock_id,
        lease_id=one.lease_id,
        cycle=one.cycle,
        action=one.action,  # type: ignore[arg-type]  # the table's check holds it to these
        state=one.state,  # type: ignore[arg-type]
        facts=one.facts,
        attempts=one.attempts,
        published=one.published,
        outcome=one.outcome,
        retry_of=one.retry_of,
        created_at=rfc3339(one.created_at),
        expires_at=rfc3339(one.expires_at),
        updated_at=rfc3339(one.updated_at),
        **_words(one.reason),
    )


def _row(one: Undelivered) -> OutboxOut:
    return OutboxOut(
        id=one.id,
        kind=one.kind,
        lease_id=one.lease_id,
        error=one.reason,
        attempts=one.attempts,
        block=one.block,
        created_at=rfc3339(one.created_at),
        **_words("outbox.dead"),
    )


def _incident(one: Incident) -> IncidentOut:
    return IncidentOut(
        id=one.id,
        kind=one.kind,
        lease_id=one.lease_id,
        space_id=one.space_id,
        lock_id=one.lock_id,
        command_id=one.command_id,
        facts=one.facts,
        opened_at=rfc3339(one.opened_at),
        resolved_at=None if one.resolved_at is None else rfc3339(one.resolved_at),
        resolution=one.resolution,
        by=one.by,
        **_words(one.reason),
    )
