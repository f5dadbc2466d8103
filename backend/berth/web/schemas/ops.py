"""What operators are told, and what they say."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from berth.web.schemas.common import ONE_LINE, SEVERAL_LINES, Answer, Body, Time

State = Literal[
    "observed",
    "confirmed",
    "eligible",
    "claimed",
    "published",
    "acknowledged",
    "done",
    "expired",
    "cancelled",
    "dead",
]


class ExplainedOut(Answer):
    """A reason in words."""

    reason: str | None = Field(description="stable code")
    sentence: str
    advice: str = Field(description="what mends it")


class CommandOut(ExplainedOut):
    """A command to a lock."""

    id: str
    lock_id: str
    lease_id: str
    cycle: int = Field(description="the lock's occupancy counter")
    action: Literal["camera_on", "lower", "raise", "camera_off"]
    state: State
    facts: dict[str, Any] = Field(description="what the access policy saw last")
    attempts: int
    published: bool = Field(description="did a ticket of it ever leave?")
    outcome: str | None = Field(description="the lock's last word, also one that came too late")
    retry_of: str | None = Field(description="the command that was tried again by this one")
    created_at: Time
    expires_at: Time
    updated_at: Time


class CommandsOut(Answer):
    """A page of commands, the newest first."""

    commands: list[CommandOut]
    next: str | None = Field(description="cursor of the next page")


class RetryBody(Body):
    """What to do with it."""

    action: Literal["retry"]


class OutboxOut(ExplainedOut):
    """A change in the chain that could not be acted on."""

    id: int
    kind: str
    lease_id: str | None
    error: str | None
    attempts: int
    block: int
    created_at: Time


class OutboxListOut(Answer):
    """Rows of the outbox that were given up, the newest first."""

    rows: list[OutboxOut]


class IncidentOut(ExplainedOut):
    """What went wrong for somebody."""

    id: int
    kind: str
    lease_id: str | None
    space_id: str | None
    lock_id: str | None
    command_id: str | None
    facts: dict[str, Any]
    opened_at: Time
    resolved_at: Time | None
    resolution: str | None
    by: str | None


class IncidentsOut(Answer):
    """A page of incidents, the newest first."""

    incidents: list[IncidentOut]
    next: str | None = Field(description="cursor of the next page")


class ResolveBody(Body):
    """How it was settled."""

    resolution: Annotated[str, SEVERAL_LINES] = Field(min_length=1, max_length=500)
    by: Annotated[str, ONE_LINE] = Field(
        default="operator", min_length=1, max_length=80, description="who settled it"
    )
