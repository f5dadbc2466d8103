"""From a raw log to changed rows: decode, find the handler, run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from sqlalchemy import Table

from berth.chain import events
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import lease_hex, space_hex
from berth.indexer.projection import Place, Projection, gap
from berth.indexer.projections import (
    admin,
    blockings,
    leases,
    money,
    settlements,
    spaces,
    titles,
)
from berth.indexer.raw_logs import RawLog
from berth.store import derived

Handler = Callable[[Projection, Any, Place], None]

HANDLERS: dict[type[Any], Handler] = {
    events.EditionPublished: titles.edition_published,
    events.TitlesRevoked: titles.titles_revoked,
    events.TitlesReinstated: titles.titles_reinstated,
    events.AuthoritySet: titles.authority_set,
    events.SpaceRegistered: spaces.space_registered,
    events.SpaceTakenOver: spaces.space_taken_over,
    events.SpaceDelisted: spaces.space_delisted,
    events.SpaceReleased: spaces.space_released,
    events.LockRotated: spaces.lock_rotated,
    events.ManagerSet: spaces.manager_set,
    events.OfferPublished: spaces.offer_published,
    events.OffersWithdrawn: spaces.offers_withdrawn,
    events.VehicleRegistered: spaces.vehicle_registered,
    events.Deposited: money.deposited,
    events.Withdrawn: money.withdrawn,
    events.AutoPayoutSet: money.auto_payout_set,
    events.PayoutFailed: money.payout_failed,
    events.FeesWithdrawn: money.fees_withdrawn,
    events.Leased: leases.leased,
    events.Arrived: leases.arrived,
    events.OverstayClaimed: leases.overstay_claimed,
    events.Extended: leases.extended,
    events.VehicleChanged: leases.vehicle_changed,
    events.Disputed: leases.disputed,
    events.NoShowRecorded: leases.no_show_recorded,
    events.Settled: settlements.settled,
    events.Compensated: settlements.compensated,
    events.Blocked: blockings.blocked,
    events.Unblocked: blockings.unblocked,
    events.FeeSet: admin.fee_set,
    events.Paused: admin.paused,
    events.Unpaused: admin.unpaused,
    events.AttesterSet: admin.attester_set,
    events.AttesterRevoked: admin.attester_revoked,
    events.AttestationRevoked: admin.attestation_revoked,
}

#: Events that leave the derived tables alone; their raw logs are kept. A test holds that every
#: event of the contracts is either here or above.
UNPROJECTED: frozenset[type[Any]] = frozenset(
    {
        events.EIP712DomainChanged,
        events.MarketSet,
        events.RoleAdminChanged,
        events.RoleGranted,
        events.RoleRevoked,
        events.Skipped,
        events.SpaceClaimed,
    }
)


def _lease(event: Any) -> str:
    return lease_hex(event.lease_id)


def _space(event: Any) -> str:
    return space_hex(event.space_id)


def _leased_offer(event: Any) -> tuple[str, int]:
    return space_hex(event.lease_id >> 48), event.offer


_OF_LEASE = ((derived.leases, _lease),)
_OF_SPACE = ((derived.spaces, _space),)
_OF_ACCOUNT = ((derived.accounts, attrgetter("account")),)

#: Rows that handlers will ask for, read with few statements before they do. What is missing here is
#: read when it is asked for.
READS: dict[type[Any], tuple[tuple[Table, Callable[[Any], Any]], ...]] = {
    events.Deposited: _OF_ACCOUNT,
    events.Withdrawn: _OF_ACCOUNT,
    events.AutoPayoutSet: _OF_ACCOUNT,
    events.Leased: (
        (derived.offers, _leased_offer),
        (derived.accounts, attrgetter("driver")),
    ),
    events.Arrived: _OF_LEASE,
    events.OverstayClaimed: _OF_LEASE,
    events.Extended: (*_OF_LEASE, (derived.accounts, attrgetter("driver"))),
    events.VehicleChanged: _OF_LEASE,
    events.Disputed: _OF_LEASE,
    events.NoShowRecorded: _OF_LEASE,
    events.Settled: (
        *_OF_LEASE,
        (derived.accounts, attrgetter("owner")),
        (derived.accounts, attrgetter("driver")),
    ),
    events.Compensated: (
        *_OF_LEASE,
        (derived.accounts, attrgetter("from_")),
        (derived.accounts, attrgetter("to")),
    ),
    events.Unblocked: ((derived.blockings, _lease),),
    events.SpaceRegistered: _OF_SPACE,
    events.SpaceTakenOver: _OF_SPACE,
    events.SpaceDelisted: _OF_SPACE,
    events.SpaceReleased: _OF_SPACE,
    events.LockRotated: _OF_SPACE,
    events.ManagerSet: _OF_SPACE,
    events.OfferPublished: _OF_SPACE,
    events.OffersWithdrawn: _OF_SPACE,
    events.VehicleRegistered: ((derived.vehicles, attrgetter("plate_commitment")),),
}


class Projector:
    """Projects the logs of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.addresses = (deployment.titles, deployment.market)
        self._decoders = {deployment.titles: events.TITLES, deployment.market: events.MARKET}

    def project(
        self,
        projection: Projection,
        logs: Iterable[RawLog],
        timestamps: dict[int, int],
        final_number: int,
    ) -> None:
        """Applies logs in chain order; those above `final_number` leave a journal to undo them.

        `timestamps` holds the Unix seconds of every block with a log. Raises BerthError index.gap
        when a log cannot follow from those before it, chain.log for one that is not ours.
        """
        decoded = self._decode(logs)
        self._read_ahead(projection, decoded)
        handler_of = HANDLERS.get
        begin_block = projection.rows.begin_block
        number, moment = -1, 0
        for log, event in decoded:
            handler = handler_of(type(event))
            if handler is None:
                continue
            if log.block_number != number:
                number = log.block_number
                begin_block(number, number > final_number)
                moment = timestamps[number]
            at = Place(number, log.block_hash, moment, log.tx_hash, log.log_index)
            handler(projection, event, at)

    def _decode(self, logs: Iterable[RawLog]) -> list[tuple[RawLog, Any]]:
        decoders = self._decoders
        decoded = []
        for log in logs:
            topics = log.topics
            try:
                decoder = decoders[log.address][topics[0]]
            except (KeyError, IndexError):
                raise self._stranger(log) from None
            decoded.append((log, decoder(topics, log.data)))
        return decoded

    def _stranger(self, log: RawLog) -> BerthError:
        if log.address not in self._decoders:
            message = f"a log of {log.address} in block {log.block_number} was not asked for"
            return BerthError("chain.log", message)
        topic = log.topics[0] if log.topics else "without topics"
        return gap(
            f"the contract {log.address} logs an event that this program does not know"
            f" ({topic}, block {log.block_number})"
        )

    @staticmethod
    def _read_ahead(projection: Projection, decoded: list[tuple[RawLog, Any]]) -> None:
        wanted: dict[Table, list[Any]] = {}
        for _log, event in decoded:
            for table, key in READS.get(type(event), ()):
                try:
                    wanted[table].append(key(event))
                except KeyError:
                    wanted[table] = [key(event)]
        for table, keys in wanted.items():
            projection.rows.load(table, keys)
