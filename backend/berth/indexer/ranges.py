"""How many blocks to ask a node for at once, and how much of that at a time: as many as it takes,
and as memory allows."""

from __future__ import annotations

from collections import deque

#: Blocks of a range: to begin with, and at most.
FIRST_RANGE = 100
LARGEST_RANGE = 10_000
#: Logs that a range should bring, and the most that one brings: a longer answer is cut.
WANTED_LOGS = 5_000
#: A range that took longer than this is not widened.
QUICK_SECONDS = 2.0
#: Ranges answered before a width that was refused once is tried again.
RETRY_AFTER = 30
#: Of a width that was refused without a better one being named, so much is asked for next. More
#: than half would cost a node that times out many times its patience.
NARROWED = 4
#: Logs a second that are used up at most: so many a node may have to give at once, per second that
#: an answer takes. More under way would only be more that was asked for before it was known how
#: dense the logs are by now.
USED_UP = 20_000
#: Answers by the densest of which the ranges under way are judged.
REMEMBERED = 4


class RangeSize:
    """Widens while answers are quick and short of logs; narrows at a refusal, to what the node
    names where it names a width, else to a quarter."""

    def __init__(self) -> None:
        #: Blocks of a range that the node is thought to take, and that bring the wanted logs.
        self.size = FIRST_RANGE
        #: Ranges of so many blocks or more were refused, or not taken since one was.
        self._refused: int | None = None
        self._since_refusal = 0
        #: A wider range, to be tried once: were it several at once, all of them were refused.
        self._trial: int | None = None
        #: Logs a block in the newest ranges answered.
        self._densities: deque[float] = deque(maxlen=REMEMBERED)
        #: How long a range of the logs that are wanted takes.
        self._seconds = 0.0

    def next(self) -> int:
        """Blocks of the range that is asked for now."""
        width = self._trial or self.size
        self._trial = None
        return width

    def expected(self, width: int) -> float:
        """Logs that a range will bring, by the densest lately; before any was answered the wanted
        number. An answer of more than twice that would be cut."""
        if not self._densities:
            return float(WANTED_LOGS)
        return min(max(self._densities) * width, 2.0 * WANTED_LOGS)

    @property
    def at_once(self) -> float:
        """Logs that the node may be asked for at once: two ranges of them, and more of a node that
        takes its time."""
        return max(1.5 * WANTED_LOGS, USED_UP * self._seconds)

    def refused(self, width: int, suggested: int | None) -> None:
        """A range of `width` blocks was too much."""
        self._since_refusal, self._trial = 0, None
        if suggested is not None and suggested < width:
            narrower, limit = suggested, suggested + 1
        elif self._refused is not None and width >= self._refused:
            return  # it was known, or tried
        else:
            narrower, limit = width // NARROWED, width
        self._refused = limit if self._refused is None else min(limit, self._refused)
        self.size = max(1, min(self.size, narrower))

    def answered(self, width: int, logs: int, seconds: float, density: float) -> None:
        """A range of `width` blocks brought so many logs in so many seconds. `density`: logs a
        block to reckon with."""
        self._densities.append(density)
        self._seconds = seconds * min(1.0, WANTED_LOGS / logs) if logs else seconds
        bringing = int(WANTED_LOGS / density) if density else LARGEST_RANGE
        size = self.size
        if logs > WANTED_LOGS:
            size = min(size, bringing)
        elif width >= size and seconds < QUICK_SECONDS:
            wider = 4 * size if self._refused is None else size + max(1, size // 8)
            size = min(wider, max(size, bringing))
        if self._refused is not None:
            self._refused = max(self._refused, width + 1)
            size = min(size, self._refused - 1)
            self._since_refusal += 1
            if self._since_refusal > RETRY_AFTER:
                self._since_refusal = 0
                self._trial = min(2 * self._refused, bringing, LARGEST_RANGE)
        self.size = max(1, min(size, LARGEST_RANGE))
