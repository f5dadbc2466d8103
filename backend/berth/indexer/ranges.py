"""How many blocks to ask a node for at once: as many as it takes, and as memory allows."""

from __future__ import annotations

#: Blocks of a range: to begin with, and at most.
FIRST_RANGE = 100
LARGEST_RANGE = 10_000
#: Logs that a range should bring.
WANTED_LOGS = 5_000
#: A range that took longer than this is not widened.
QUICK_SECONDS = 2.0
#: Ranges answered before a width that was refused once is tried again.
RETRY_AFTER = 30


class RangeSize:
    """Widens while answers are quick and short of logs; narrows at a refusal, to what the node
    names where it names a width, else by half."""

    def __init__(self) -> None:
        self.size = FIRST_RANGE
        #: A width that was refused; narrower ones are safe.
        self._refused: int | None = None
        self._since_refusal = 0
        #: Logs a block in the newest range answered.
        self.density = 0.0

    def fits(self, width: int) -> bool:
        """False for a range that is known to be refused."""
        return self._refused is None or width < self._refused

    def refused(self, width: int, suggested: int | None) -> int:
        """A range of `width` blocks was too much; the width to go on with, smaller than that."""
        narrower = max(1, width // 2)
        if suggested is not None and suggested < width:
            narrower = suggested
        limit = narrower + 1 if narrower == suggested else width
        self._refused = limit if self._refused is None else min(limit, self._refused)
        self._since_refusal = 0
        self.size = min(self.size, narrower)
        return narrower

    def answered(self, width: int, logs: int, seconds: float) -> None:
        """A range of `width` blocks brought so many logs in so many seconds."""
        self.density = logs / width
        self._since_refusal += 1
        if self._refused is not None and self._since_refusal > RETRY_AFTER:
            self._refused *= 2
            self._since_refusal = 0
        size = self.size
        if logs > WANTED_LOGS:
            size = min(size, max(1, int(WANTED_LOGS / self.density)))
        elif width >= size and seconds < QUICK_SECONDS:
            size = 4 * size if self._refused is None else size + max(1, size // 8)
            if self.density:
                size = min(size, max(self.size, int(WANTED_LOGS / self.density)))
        if self._refused is not None:
            size = min(size, self._refused - 1)
        self.size = max(1, min(size, LARGEST_RANGE))
