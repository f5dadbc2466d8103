"""From a raw log to changed rows: decode, find the handler, run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from berth.chain import events
from berth.core.deployment import Deployment
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


_OF_LEASES = (
    events.Arrived,
    events.OverstayClaimed,
    events.Extended,
    events.VehicleChanged,
    events.Disputed,
    events.NoShowRecorded,
)


class RawLog(NamedTuple):
    """A log as it is kept. Topics are 0x hex text."""

    block_number: int
    log_index: int
    block_hash: str
    tx_hash: str
    tx_index: int
    address: str
    topics: tuple[str, ...]
    data: bytes


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
        decoded = [(log, self._decode(log)) for log in logs]
        self._read_ahead(projection, [event for _log, event in decoded])
        for log, event in decoded:
            handler = HANDLERS.get(type(event))
            if handler is None:
                continue
            projection.rows.begin_block(log.block_number, log.block_number > final_number)
            moment = timestamps[log.block_number]
            place = Place(log.block_number, log.block_hash, moment, log.tx_hash, log.log_index)
            handler(projection, event, place)

    def _decode(self, log: RawLog) -> Any:
        decoder = self._decoders[log.address].get(log.topics[0] if log.topics else "")
        if decoder is None:
            raise gap(f"the contract {log.address} logs an event that this program does not know")
        return decoder(log.topics, log.data)

    @staticmethod
    def _read_ahead(projection: Projection, decoded: list[Any]) -> None:
        """Reads the leases and accounts of the range with few statements."""
        leases_wanted: list[str] = []
        accounts_wanted: list[str] = []
        for event in decoded:
            if isinstance(event, events.Settled):
                accounts_wanted += (event.owner, event.driver)
                leases_wanted.append(f"0x{event.lease_id:028x}")
            elif isinstance(event, events.Leased):
                accounts_wanted.append(event.driver)
            elif isinstance(event, _OF_LEASES):
                leases_wanted.append(f"0x{event.lease_id:028x}")
        projection.rows.load(derived.leases, leases_wanted)
        projection.rows.load(derived.accounts, accounts_wanted)
