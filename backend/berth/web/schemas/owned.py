"""Spaces of the account's own."""

from __future__ import annotations

from pydantic import Field

from berth.web.schemas.common import Answer, LeaseId, SpaceId, Window
from berth.web.schemas.leases import LockOut
from berth.web.schemas.spaces import PrivateOut, SpaceOut


class MySpaceOut(SpaceOut):
    """A space of the account, with its exact place and what its lock last said."""

    private: PrivateOut | None
    lock_state: LockOut


class MySpacesOut(Answer):
    """Spaces of the account, by id."""

    items: list[MySpaceOut]
    next: str | None = Field(description="cursor of the next page")


class KeptTimeOut(Answer):
    """A time that is kept out of sharing."""

    id: LeaseId = Field(description="what unblocking names; a kept time has a number of its own")
    space_id: SpaceId
    window: Window
    given_back: bool = Field(description="unblocked already, but for the slots that had begun")


class KeptTimesOut(Answer):
    """Times that are kept from now on, earliest start first."""

    items: list[KeptTimeOut]
    next: str | None = Field(description="cursor of the next page")
