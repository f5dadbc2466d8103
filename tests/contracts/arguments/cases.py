"""A row of the table: the values of one argument, and what becomes of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from berth.core.signing import ORDER

MAX = 2**256 - 1
TOP_ADDRESS = "0x" + "ff" * 20
NOBODY = "0x" + "00" * 20
ONES = b"\xff" * 32
ZEROS = bytes(32)


@dataclass(frozen=True)
class Case:
    """One value. `error`: the refusal, name and arguments; None: accepted, and then `read` must
    answer `told` (the value itself, unless something else is named). `first` is done before the
    call. `signed`: whoever signs this argument signs the value, however mad it is. `changes`: some
    storage of market, registry or token is another afterwards."""

    value: Any
    error: tuple | None = None
    read: Callable[[], Any] | None = None
    told: Any = None
    first: Callable[[], Any] | None = None
    signed: bool = True
    changes: bool = True
    name: str = ""

    def __str__(self) -> str:
        return self.name or repr(self.value)[:90]


def name32(text: str) -> bytes:
    """A field's name as errors carry it."""
    return text.encode().ljust(32, b"\0")


def out_of_range(field: str, value: int, low: int, high: int) -> tuple:
    return "OutOfRange", name32(field), value, low, high


def refused(value, *error, **more) -> Case:
    return Case(value, error, **more)


def accepted(value, read=None, **more) -> Case:
    return Case(value, None, read, **more)


def each_refused(values, error: Callable[[Any], tuple], **more) -> list[Case]:
    return [Case(value, error(value), **more) for value in values]


def within(field: str, low: int, high: int, read=None, also=(), **more) -> list[Case]:
    """The whole story of a number: both ends are accepted and read back, one beyond each is refused
    by the field's name, and so is the largest number there is. `also`: more values that are
    fine."""
    outside = {high + 1, MAX} - {high} | ({0, low - 1} if low > 0 else set())
    fine = [value for value in {low, high, *also} if low <= value <= high]
    return [
        *(
            Case(value, out_of_range(field, value % 2**256, low, high))
            for value in sorted(outside)
            if not low <= value <= high and value <= MAX
        ),
        *(Case(value, None, read, **more) for value in sorted(fine)),
    ]


def bad_signatures(sound: bytes) -> dict[str, bytes]:
    """All that a signature must not be, made from one that is sound."""
    r, s, v = sound[:32], int.from_bytes(sound[32:64], "big"), sound[64]
    mirrored = r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    return {
        "empty": b"",
        "one byte": b"\x1b",
        "64 bytes": sound[:64],
        "66 bytes": sound + b"\0",
        "the other s, which recovers the same key": mirrored,
        "the other v": sound[:64] + bytes([55 - v]),
        **{f"v of {bad}": sound[:64] + bytes([bad]) for bad in (0, 1, 26, 29, 255)},
        "r of zero": bytes(32) + sound[32:],
        "s of zero": r + bytes(32) + sound[64:],
        "all ones": b"\xff" * 65,
        "all zeros": bytes(65),
    }


def unsound(sound: bytes, *error) -> list[Case]:
    """No bad signature counts; the sound one does."""
    return [
        *(
            Case(bad, error, signed=False, name=f"a signature: {name}")
            for name, bad in bad_signatures(sound).items()
        ),
        Case(sound, None, signed=False, name="the sound signature"),
    ]
