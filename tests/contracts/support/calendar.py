"""A space's calendar, read back slot by slot."""


def taken_slots(market, space: int, first: int, end: int) -> set[int]:
    """The slots of [first, end) that are taken."""
    words = {word: market.calendarOf(space, word) for word in range(first >> 8, (end >> 8) + 1)}
    return {slot for slot in range(first, end) if words[slot >> 8] >> (slot & 255) & 1}
