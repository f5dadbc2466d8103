"""`python -m tests.browser.walked`: was every state of the app looked at? With `--clear` the record
of former runs is thrown away."""

from __future__ import annotations

import sys
from collections.abc import Collection

from tests.browser.record import LOOKED, PASSED, clear, written
from tests.browser.states import NOT_HERE, OPEN, PASSING, State, all_states


def judge(
    states: Collection[State], looked: Collection[State], passed: Collection[State]
) -> tuple[list[str], bool]:
    """What is to be said, and whether it is well."""
    missing, other = [], []
    for state in sorted(states):
        if state in looked or (state in PASSING and state in passed):
            continue
        (other if state in NOT_HERE else missing).append(state)
    by = [one for one in states if one in PASSING and one not in looked and one not in missing]
    unknown = sorted(one for one in looked if one[0] in OPEN and one not in states)
    needless = sorted(one for one in looked if one in NOT_HERE)
    lines = [f"not reachable here: {_name(one)}: {NOT_HERE[one]}" for one in other]
    lines += [f"passes by: {_name(one)}: {PASSING[one]}" for one in sorted(by)]
    lines += [
        f"not reached: {_name(one)}" + (" (only passed by)" if one in passed else "")
        for one in missing
    ]
    lines += [f"looked at, but in no list: {_name(one)}" for one in unknown]
    lines += [f"no exception, for it was looked at: {_name(one)}" for one in needless]
    seen = len(states) - len(missing) - len(other) - len(by)
    lines.append(
        f"{len(states)} states: {seen} looked at, {len(by)} passing by,"
        f" {len(other)} not reachable here" + (f", {len(missing)} NOT REACHED" if missing else "")
    )
    return lines, not (missing or unknown or needless)


def _name(state: State) -> str:
    return f"{state[0]} {state[1]}"


def main() -> int:
    """Of the record that the tests have left."""
    if sys.argv[1:] == ["--clear"]:
        clear()
        return 0
    lines, well = judge(all_states(), written(LOOKED), written(PASSED))
    print("\n".join(lines))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
