"""What this process has found of a ledger so far, for whoever asks next."""

from __future__ import annotations

from functools import cached_property
from weakref import WeakKeyDictionary

from berth.audit.records import Ledger
from berth.audit.totals import Totals
from berth.store.engine import Store


class Desk:
    """Everybody who asks about one store's ledger comes here."""

    @cached_property
    def ledger(self) -> Ledger:
        """How far it has been recomputed."""
        return Ledger()

    @cached_property
    def totals(self) -> Totals:
        """What it adds up to, by filter."""
        return Totals()


_DESKS: WeakKeyDictionary[Store, Desk] = WeakKeyDictionary()


def desk_of(store: Store) -> Desk:
    """The one desk of a store, for the event loop's thread."""
    return _DESKS.setdefault(store, Desk())
