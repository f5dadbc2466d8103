"""Platforms broken on purpose: the judge must find each within fifty seeds, or judges nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from tests.sim.world import World

Mutant = Callable[["World"], None]


def _patched(world: World, target: Any, name: str, value: Any) -> None:
    world.stack.enter_context(patch.object(target, name, value))


def _has(module: Any, name: str, value: object) -> bool:
    return vars(module).get(name) is value


def no_plate_check(world: World) -> None:
    """Neither the policy nor the lock looks at the plate."""
    from berth.core import access
    from berth.devices.simulator.lock import Lock

    _patched(world, access, "_plate_refusal", lambda *_: None)
    _patched(world, Lock, "_read_plate", lambda *_: True)


def two_tickets(world: World) -> None:
    """A lowering is published twice, under two ids."""
    import uuid
    from dataclasses import replace

    from berth.relay.signer import Signer

    real = Signer.ticket

    async def ticket(self: Any, order: Any) -> str:
        return await real(self, replace(order, command_id=str(uuid.uuid4())))

    _patched(world, Signer, "ticket", ticket)


def obeys_again(world: World) -> None:
    """A lock that does what a ticket says, however often it comes."""
    from berth.devices.simulator.lock import Intent, Lock

    def obey(self: Any, ticket: Any) -> None:
        if self.reports.moving is None:
            intent = Intent(ticket.id, ticket.action, ticket.lease, ticket.cycle)
            self._begin(intent, ordered=True)

    _patched(world, Lock, "_obey", obey)


def no_rollback(world: World) -> None:
    """The index takes the blocks back, but not what they changed."""
    from berth.indexer import rollback
    from berth.store.derived import undo
    from sqlalchemy import delete

    def forget(conn: Any, number: int) -> int:
        conn.execute(delete(undo).where(undo.c.block_number > number))
        return 0

    _patched(world, rollback, "undo_above", forget)


def keeper_forgets(world: World) -> None:
    """The keeper does not remember what it has sent."""
    from berth.store.transactions import TransactionJournal

    real = TransactionJournal.take

    def take(self: Any, account: str, purpose: str, *rest: Any, **more: Any) -> Any:
        import uuid

        return real(self, account, f"{purpose}:{uuid.uuid4()}", *rest, **more)

    _patched(world, TransactionJournal, "find", lambda *_: None)
    _patched(world, TransactionJournal, "take", take)


def blind_signer(world: World) -> None:
    """Signer and relay believe every lease to be deep enough at once."""
    from berth.relay.policy import Policy

    _patched(world, Policy, "required", lambda *_: 1)
    world.required = lambda _deposit: 3


def kept_commands(world: World) -> None:
    """Commands are retained."""
    from berth.relay.run import Relay

    real = Relay._send

    async def send(self: Any, lock_id: str, leaf: str, payload: bytes) -> None:
        await real(self, lock_id, leaf, payload)
        world.broker.take("backend", f"berth/v1/locks/{lock_id}/{leaf}", payload, True)

    _patched(world, Relay, "_send", send)


def silent_about_misfortune(world: World) -> None:
    """Nobody opens an incident, wherever it would be."""
    from berth.store.incidents import open_incident

    callers = [m for m in list(sys.modules.values()) if _has(m, "open_incident", open_incident)]
    for module in callers:
        _patched(world, module, "open_incident", lambda *_args, **_kw: False)


def any_signature(world: World) -> None:
    """The API takes anybody's confirmation."""
    from berth.market import presence

    _patched(world, presence, "check_confirmation", lambda *_args, **_kw: None)


def credulous_inbox(world: World) -> None:
    """The backend takes everybody's word for a lock's."""
    from berth.devices import protocol

    def opened(document: Any) -> tuple[Any, str]:
        return document["payload"], document["payload"]["lock"]

    _patched(world, protocol, "open_envelope", opened)


def stingy_keeper(world: World) -> None:
    """Nobody is paid out."""
    from berth.relay.closer import Closer

    async def pay_out(_self: Any) -> list[Any]:
        return []

    _patched(world, Closer, "pay_out", pay_out)


def generous_keeper(world: World) -> None:
    """Who asked for it is paid whenever there is something, by a transaction each."""
    from berth.relay import closer

    _patched(world, closer, "PAYOUT_SECONDS", 1)


def impatient_keeper(world: World) -> None:
    """Another go at a deed leaves while nobody knows yet what became of the former."""
    import itertools

    from berth.chain.sender import Sender

    async def unspent(self: Any, purpose: str) -> str:
        names = (f"{purpose}, {tries}" for tries in itertools.count(2))
        every = itertools.chain([purpose], names)
        return next(name for name in every if self._journal.find(name) is None)

    _patched(world, Sender, "unspent", unspent)


def disputes_forgotten(world: World) -> None:
    """The keeper takes a disputed lease for somebody else's business."""
    from berth.relay import due

    real = due._closes_from
    _patched(world, due, "_closes_from", lambda row: 1 << 60 if row["disputed"] else real(row))


def too_soon(world: World) -> None:
    """What is signed ahead leaves when its lease has a single block: the relay waits for no more,
    and the signer takes its guess for the depth that is due."""
    import copy

    from berth.core.access import ReasonCode
    from berth.relay import planner, run
    from berth.relay.policy import Policy
    from berth.relay.signer_chain import ChainReader

    ahead, in_one_trip = run.Ahead, ChainReader._in_one_trip

    def hasty(store: Any, policy: Policy, *rest: Any) -> Any:
        return ahead(store, Policy(policy.deployment, policy.clock, 1), *rest)

    async def believing(self: Any, lease: int, lock_id: str, guess: Any, *more: Any) -> Any:
        credulous = copy.copy(self)
        credulous._depth = lambda *_: guess.deep
        return await in_one_trip(credulous, lease, lock_id, guess, *more)

    def is_shallow(situation: Any) -> bool:
        return bool(situation.unlock().codes == [ReasonCode.LEASE_SHALLOW])

    _patched(world, run, "Ahead", hasty)
    _patched(world, ChainReader, "_in_one_trip", believing)
    _patched(world, planner, "_lacks_one_block", is_shallow)


def off_the_record(world: World) -> None:
    """What is signed ahead is signed for a command that nobody has written down."""
    import uuid
    from dataclasses import replace

    from berth.relay.ahead import Ahead

    real = Ahead._sign

    async def sign(self: Any, armed: Any) -> Any:
        ticket = replace(armed.ticket, command_id=str(uuid.uuid4()))
        return await real(self, replace(armed, ticket=ticket))

    _patched(world, Ahead, "_sign", sign)


#: Each with the words (a pattern) by which the judge must name what is wrong.
MUTANTS: dict[str, tuple[Mutant, str]] = {
    mutant.__name__: (mutant, words)
    for mutant, words in (
        (no_plate_check, "is not the lease's vehicle"),
        (two_tickets, "without any command"),
        (obeys_again, "moved the bar"),
        (no_rollback, "differs from a clean replay's|ended by itself: index|the index is at"),
        (keeper_forgets, " times"),
        (blind_signer, "is not 3 deep"),
        (too_soon, "is not [0-9]+ deep"),
        (off_the_record, "without any command"),
        (kept_commands, "was retained"),
        (silent_about_misfortune, "nobody says why"),
        (any_signature, "a stranger confirmed"),
        (stingy_keeper, "asked to be paid out"),
        (generous_keeper, "was paid out"),
        (impatient_keeper, "before the chain had refused the former"),
        (disputes_forgotten, "is open for ever"),
        (credulous_inbox, "a stranger's word|its lock knows of none"),
    )
}
