"""Live events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from berth.core.errors import BerthError
from berth.web.context import MaybeSession, token_of
from berth.web.stream import Hub

router = APIRouter(prefix="/v1/events", tags=["events"])


class EventStream(StreamingResponse):
    """`text/event-stream`, for the OpenAPI document too."""

    media_type = "text/event-stream"


@router.get("", response_class=EventStream)
async def events(
    request: Request,
    session: MaybeSession,
    last_event_id: Annotated[str | None, Header(description="resume after this id")] = None,
    after: Annotated[
        int | None, Query(ge=0, lt=1 << 63, description="the same, for clients without headers")
    ] = None,
) -> EventStream:
    """Server-sent events: what concerns everybody and, with a session, what concerns the account.

    Each has an id; after a break `Last-Event-ID` resumes without a gap. `data` is JSON {at,
    leaseId, spaceId, data}. An `index` event without an id tells the indexed block as it moves.
    Without an id to resume after, the stream begins now.
    """
    hub: Hub = request.app.state.hub
    hub.check_room(session.address if session else None)
    place = after
    if last_event_id is not None:
        if not last_event_id.isascii() or not last_event_id.isdigit() or len(last_event_id) > 18:
            raise BerthError(
                "events.id", "is no id of this stream", field="Last-Event-ID", status=422
            )
        place = int(last_event_id)
    token = token_of(request)[0] if session is not None else None
    stream = hub.listen(place, session.address if session else None, token)
    return EventStream(stream, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
