"""What a run has played, counted; and the table of it."""

from collections import Counter
from dataclasses import dataclass, field, fields

from berth.core.states import Outcome, RecordKind


@dataclass
class Tally:
    """Accepted and refused steps by verb, accepted relayed ones among them; kinds of accepted
    records; outcomes of leases; refusals by error."""

    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    relayed: Counter[str] = field(default_factory=Counter)
    kinds: Counter[int] = field(default_factory=Counter)
    outcomes: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        for each in fields(self):
            getattr(self, each.name).update(getattr(other, each.name))

    @property
    def steps(self) -> int:
        return self.accepted.total() + self.refused.total()

    def table(self) -> str:
        verbs = sorted({*self.accepted, *self.refused})
        lines = [f"{'verb':<22}{'accepted':>10}{'relayed':>10}{'refused':>10}"]
        lines += [
            f"{verb:<22}{self.accepted[verb]:>10}{self.relayed[verb]:>10}{self.refused[verb]:>10}"
            for verb in verbs
        ]
        outcomes = ", ".join(
            f"{Outcome(number).name.lower()} {count}"
            for number, count in sorted(self.outcomes.items())
        )
        kinds = ", ".join(
            f"{RecordKind(number).name.lower()} {count}"
            for number, count in sorted(self.kinds.items())
        )
        errors = ", ".join(f"{name} {count}" for name, count in self.errors.most_common())
        return "\n".join(
            [*lines, f"outcomes: {outcomes}", f"records: {kinds}", f"errors: {errors}"]
        )
