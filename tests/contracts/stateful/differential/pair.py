"""Plays steps on both sides and compares what they say."""

from dataclasses import dataclass

from berth.core.model import Refused

from differential.engines import Receipt
from differential.ground import Ground
from differential.state import State
from differential.steps import ASIDE, RAW, Step, text
from differential.tally import Tally

#: What the forwarder says of every call that failed.
FAILED_CALL = "FailedCall"


class Mismatch(AssertionError):  # noqa: N818  # a finding
    """The two sides do not agree."""


@dataclass(frozen=True)
class Answer:
    """What one side said to a step: events, or an error; and what the verb returned, if told."""

    events: tuple = ()
    error: tuple | None = None
    returned: object = None

    def __str__(self) -> str:
        if self.error is not None:
            name, arguments = self.error
            return f"refused: {name}({', '.join(map(text, arguments))})"
        shown = [
            f"{name}({', '.join(f'{key}={text(value)}' for key, value in values.items())})"
            for name, values in self.events
        ]
        returned = "" if self.returned is None else f" -> {text(self.returned)}"
        return "accepted: " + (", ".join(shown) or "no event") + returned


class Pair:
    """A market and its model."""

    def __init__(self, ground: Ground, check_every: int = 10) -> None:
        self.engine, self.wire, self.model = ground.engine, ground.wire, ground.model
        self._state = State(self.wire, self.model)
        self._check_every = check_every
        self._donated = 0
        self._played = 0
        self.tally = Tally()

    def play(self, step: Step) -> bool:
        """Both sides take the step; were they agreed to accept it? Raises Mismatch."""
        expected = self._ask_model(step)
        given = self._ask_contract(step, expected)
        if given != expected:
            raise Mismatch(f"model:    {expected}\n    contract: {given}")
        self._count(step, expected)
        self._played += 1
        if self._played % self._check_every == 0:
            self.check()
        return expected.error is None

    def check(self) -> None:
        """The whole state of both sides. Raises Mismatch."""
        found = self._state.differences(self.engine, self._donated)
        if found:
            raise Mismatch("state: " + "\n    ".join(found))

    def _ask_model(self, step: Step) -> Answer:
        model = self.model
        model.now = step.at
        try:
            if step.verb in ASIDE:
                part, _, method = step.verb.partition(".")
                side = model.token if part == "token" else model.registry
                spent = getattr(side, method)(*step.args)
                if step.verb == "token.permit" and not spent:
                    return Answer(error=("ERC2612InvalidSigner", ()))
                return Answer()
            sender = step.sender
            if step.relayed and step.verb in RAW:
                sender = model.forwarder
            returned = getattr(model, step.verb)(sender, *step.args)
        except Refused as refusal:
            types = self.wire.abi.types[refusal.error_name]
            arguments = tuple(map(_argument, types, refusal.arguments))
            return Answer(error=(refusal.error_name, arguments))
        return Answer(tuple(model.events), None, returned)

    def _ask_contract(self, step: Step, expected: Answer) -> Answer:
        sender, to, data = self.wire.transaction(step)
        receipt = self.engine.send(sender, to, data, step.at)
        if receipt.ok:
            self.wire.done(step)
            return Answer(self._events(receipt), None, self._returned(step, receipt, expected))
        error = self._error(receipt)
        if step.relayed and error == (FAILED_CALL, ()):
            # the forwarder swallows the reason; asked as the forwarder asks, the market tells it
            to, data = self.wire.call(step)
            spoken = data + bytes.fromhex(step.sender[2:])
            error = self._error(self.engine.refusal(self.wire.at.forwarder, to, spoken))
        if step.verb == "token.permit":
            # whose signature the asset took it for is not modelled
            error = ("ERC2612InvalidSigner", ())
        return Answer(error=error)

    def _events(self, receipt: Receipt) -> tuple:
        known = self.wire.abi.events
        return tuple(
            known[topics[0]].from_log(topics, data)
            for emitter, topics, data in receipt.logs
            if emitter == self.wire.at.market
        )

    def _returned(self, step: Step, receipt: Receipt, expected: Answer) -> object:
        if step.relayed or step.verb in ASIDE or receipt.output is None:
            return expected.returned
        return int.from_bytes(receipt.output, "big") if receipt.output else None

    def _error(self, receipt: Receipt) -> tuple:
        if receipt.ok:
            return "accepted", ()
        output = receipt.output or b""
        known = self.wire.abi.errors.get(output[:4])
        return known.from_revert(output) if known else ("?", (output,))

    def _count(self, step: Step, answer: Answer) -> None:
        tally = self.tally
        if answer.error is not None:
            tally.refused[step.verb] += 1
            tally.errors[answer.error[0]] += 1
            return
        tally.accepted[step.verb] += 1
        tally.relayed[step.verb] += step.relayed
        if step.verb == "record":
            tally.kinds[int(step.args[0].kind)] += 1
        if step.verb == "token.transfer" and step.args[1] == self.wire.at.market:
            self._donated += step.args[2]
        for name, values in answer.events:
            if name == "Settled":
                tally.outcomes[values["outcome"]] += 1


def _argument(type_: str, value: object) -> object:
    """A model's argument as the contract's error carries it."""
    if type_ == "bytes32" and isinstance(value, str):
        return value.encode().ljust(32, b"\0")
    return int(value) if isinstance(value, int) else value
