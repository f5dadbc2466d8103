"""The relay as the web sees it: what it would decide now, and a nudge."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from berth.core.access import Decision
from berth.core.errors import BerthError
from berth.relay.policy import Policy


class Desk:
    """Answers from the tables; `wake` may be called from any thread. Decides the same whether the
    relay runs in this process or in another, where `wake` reaches nobody and the next look does."""

    def __init__(self, policy: Policy, wake: Callable[[], None] = lambda: None) -> None:
        self._policy = policy
        self.wake = wake

    def required(self, deposit: int) -> int:
        """Confirmations that a lease with this deposit (minor units) needs."""
        return self._policy.required(deposit)

    def preview(self, conn: Connection, lease_id: str, account: str) -> Decision:
        """Would the bar go down now for this account? Reads only."""
        situation = self._policy.situation(conn, lease_id, account.lower())
        if situation is None:
            raise BerthError("lease.unknown", "there is no such lease", field="leaseId", status=404)
        return situation.unlock()
