"""Plays the timeline through the contract: leases at plug-in, records signed by the locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from berth.chain import events
from berth.chain.reverts import ChainRevertError
from berth.chain.wire import Receipt
from berth.cli.replay.schedule import CALENDAR_TAKEN, Ask, Event, Kind, Timeline
from berth.cli.replay.waves import Call, Waves, call_of, topic_of
from berth.cli.replay.world import World, deposit_of
from berth.core import messages
from berth.core.errors import BerthError

_LEASE_GAS, _RECORD_GAS = 400_000, 300_000


@dataclass
class Played:
    """What the contract said: lease id by ask, reason by refused ask."""

    granted: dict[int, int] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


async def play(
    waves: Waves, world: World, asks: Sequence[Ask], on_events: Callable[[int], None]
) -> Played:
    """Runs all asks to their end; `on_events` hears how many events each block has dealt with."""
    player = _Player(waves, world, asks)
    while wave := player.timeline.next_wave():
        await player.step(wave)
        on_events(len(wave))
    return player.played


class _Player:
    def __init__(self, waves: Waves, world: World, asks: Sequence[Ask]) -> None:
        self.timeline = Timeline(asks)
        self.played = Played()
        self._waves = waves
        self._world = world
        self._asks = asks
        self._domain = world.deployment.domain
        self._leased = topic_of(world.contracts.market.abi, "Leased")

    async def step(self, wave: Sequence[Event]) -> None:
        """Mines one second's events and sees what became of them."""
        calls = [self._call(event) for event in wave]
        receipts = await self._waves.mine(wave[0].at, calls)
        for event, call, receipt in zip(wave, calls, receipts, strict=True):
            ask = self._asks[event.number]
            if receipt.succeeded:
                if event.kind is Kind.LEASE:
                    self.played.granted[ask.number] = self._lease_id(receipt)
                    self.timeline.granted(ask)
                continue
            revert = await self._waves.why(call, receipt)
            if event.kind is not Kind.LEASE:
                message = f"{call.verb} of line {ask.stay.line} was refused: {revert}"
                raise BerthError("replay.refused", message)
            self.played.refused[ask.number] = self._reason(ask, revert)

    def _call(self, event: Event) -> Call:
        ask = self._asks[event.number]
        if event.kind is Kind.LEASE:
            return self._lease(ask)
        if event.kind is Kind.ARRIVED:
            came = ask.stay.plugged_in
            return self._record(ask, "arrive", messages.ARRIVED, came, 0)
        return self._record(
            ask, "leave and settle", messages.LEFT, ask.stay.plugged_out, ask.stay.energy_wh
        )

    def _lease(self, ask: Ask) -> Call:
        driver = self._world.drivers[ask.stay.user]
        request = {
            "spaceId": self._world.spaces[ask.space].id,
            "startSlot": ask.start_slot,
            "slots": ask.slots,
            "offer": 1,
            "kwhCap": ask.kwh_cap,
            "plateCommitment": driver.plate_commitment,
            "maxCost": deposit_of(self._world.terms, ask),
        }
        market = self._world.contracts.market
        return call_of(market, "lease", request, sender=driver.account, gas=_LEASE_GAS)

    def _record(self, ask: Ask, verb: str, kind: int, until: int, energy_wh: int) -> Call:
        """What the space's lock saw, signed by it and brought by somebody without any power."""
        lease_id, came = self.played.granted[ask.number], ask.stay.plugged_in
        message = messages.occupancy(self._domain, lease_id, kind, came, until, energy_wh)
        signature = messages.sign(message, self._world.spaces[ask.space].lock_key)
        occupancy = {
            "leaseId": lease_id,
            "kind": kind,
            "from": came,
            "until": until,
            "energyWh": energy_wh,
        }
        return call_of(
            self._world.contracts.market,
            "record",
            occupancy,
            signature,
            sender=self._world.bringer,
            gas=_RECORD_GAS,
            verb=verb,
        )

    def _lease_id(self, receipt: Receipt) -> int:
        for log in receipt.logs:
            if log.topics[0] == self._leased:
                event = events.MARKET[self._leased](log.topics, log.data)
                assert isinstance(event, events.Leased)  # noqa: S101  # the topic says so
                return event.lease_id
        raise BerthError("replay.log", f"{receipt.transaction_hash} leased without an event")

    def _reason(self, ask: Ask, revert: ChainRevertError) -> str:
        """A refusal's name, with the field of a value out of range. A calendar that is taken must
        speak of the window that was asked for."""
        if revert.name == "Berth_OutOfRange":
            return f"{revert.name} {revert.arguments.get('field')}"
        asked = {
            "spaceId": self._world.spaces[ask.space].id,
            "startSlot": ask.start_slot,
            "slots": ask.slots,
        }
        if revert.name == CALENDAR_TAKEN and revert.arguments != asked:
            return f"{revert.name} of another window"
        return revert.name
