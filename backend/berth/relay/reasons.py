"""Why a command, an outbox row or an incident is what it is: the code in words, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from berth.core.access_texts import SENTENCES


@dataclass(frozen=True, slots=True)
class Explanation:
    """A sentence for the operator, and what mends it."""

    sentence: str
    advice: str


_VISIT = "Have somebody look at the lock; then resolve the incident, or retry."
_NOTHING = "Nothing: the driver was told, and may try again."
_LOCK = "See whether the lock has power and its connection; then retry while the driver waits."
_OURS = "See the log of the relay at that moment, and `berth doctor`; then retry."
_MAKER = (
    "A lock that answers what it was not told is broken, or not what it seems: check it, its key"
    " and who has its password; have its maker revoked or the lock rotated if in doubt."
)

#: By code; by the part before the first dot where the code itself has no words.
_WORDS: dict[str, Explanation] = {
    "command.expired": Explanation(
        "Nothing stood against it at last, but it did not leave in time.", _OURS
    ),
    "operator.retry": Explanation(
        "An operator had it tried again; the driver's fresh confirmation or presence was missing.",
        "Ask the driver to confirm again; the bar never goes down without.",
    ),
    "lock.no_answer": Explanation("The lock did not answer the tickets that were sent.", _LOCK),
    "lock.no_outcome": Explanation(
        "The lock began to move and never said how it ended.",
        "The bar may be anywhere: " + _VISIT[0].lower() + _VISIT[1:],
    ),
    "lock.challenge": Explanation(
        "The lock did not say hello with a fresh nonce, though it was asked.", _LOCK
    ),
    "relay.offline": Explanation(
        "The broker could not be reached.", "Start the broker, or see `berth doctor`; then retry."
    ),
    "relay.error": Explanation("The relay failed over it.", _OURS),
    "relay.absent": Explanation(
        "The driver was there, and no command was ever made: no relay was at work, or the index"
        " was behind, for the whole lease.",
        "See that a relay runs (`berth doctor`); settle with the driver.",
    ),
    "signer.unreachable": Explanation(
        "The signer did not answer.", "Start it, or see `berth doctor`; then retry."
    ),
    "signer.rate": Explanation(
        "The signer was asked for too many signatures in too short a time.",
        "Find out who asks so often: one lock that restarts all the time, or an intruder.",
    ),
    "signer": Explanation(
        "The signer refused: its own node says otherwise than the index.",
        "Compare the two nodes with `berth doctor`. One of them lies, or is behind.",
    ),
    "ticket": Explanation(
        "The lock refused the ticket.",
        "Is the lock's clock, group or root key another? See `docs/devices.md`; then retry.",
    ),
    "grant": Explanation(
        "The lock has no grant for the lease, or an older one.",
        "See whether its grant was acknowledged; then retry.",
    ),
    "motor": Explanation("The motor did not get the bar there.", _VISIT),
    "bar": Explanation("The bar was not where it had to be.", _VISIT),
    "lock": Explanation("The lock could not do it.", _VISIT),
    "interrupted": Explanation("The lock was cut short while it moved.", _VISIT),
    "restart": Explanation("The lock restarted while it moved.", _VISIT),
    "failed": Explanation("The lock tried, and failed.", _VISIT),
    "refused": Explanation("The lock refused without a reason.", _VISIT),
    "lease.over": Explanation("The lease is over.", "Nothing."),
    "lease.gone": Explanation(
        "A reorganisation of the chain took the lease out after its lock had been told to open.",
        "Its transaction was sent again and was not mined, or its time is another driver's now"
        " (`takenBy`): the driver stands there without a lease. Have them book anew, or ask them"
        " to leave.",
    ),
    "lock.clock": Explanation(
        "A lock's clock differs from ours by more than a minute.",
        "Have its clock set; beyond 300 s plates count for nothing.",
    ),
    "clock.skew": Explanation(
        "Clock and chain differ by more than 30 s: no lock is moved.",
        "Set the machine's clock, or see why the node is behind.",
    ),
    "ack.unknown": Explanation("A lock answered a command that nobody ever made.", _MAKER),
    "ack.other_lock": Explanation("A lock answered another lock's command.", _MAKER),
    "ack.unpublished": Explanation("A lock answered a command before it was sent.", _MAKER),
    "outbox.dead": Explanation(
        "A change in the chain could not be acted on, ten times in a row.",
        "Its error is in the facts and in the log; mend it, then `berth commands retry`.",
    ),
    "evidence.refused": Explanation(
        "The contract refused what a lock signed: the stay is settled without it.",
        "See the contract's reason in the facts. The lock's clock may be wrong.",
    ),
    "superseded": Explanation("Another lease's time has come at this lock.", "Nothing."),
}


def explain(code: str | None) -> Explanation:
    """The words for a reason; for one that nobody has words for, the code itself."""
    if code is None:
        return Explanation("No reason is on record.", _OURS)
    known = _WORDS.get(code)
    if known is not None:
        return known
    if code in SENTENCES:
        return Explanation(_plain(SENTENCES[code][0]), _NOTHING)
    return _WORDS.get(code.partition(".")[0]) or Explanation(f"{code}.", _OURS)


def _plain(sentence: str) -> str:
    """A sentence of the policy without its figures, which are in the facts."""
    return sentence.format_map(_Figures())


class _Figures(dict[str, str]):
    def __missing__(self, _key: str) -> str:
        return "…"
