"""Sign-in messages as anybody may write them: what is read of them, and what reading them costs."""

from __future__ import annotations

import importlib
import random
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from abnf.parser import ParseCache
from berth.core.errors import BerthError
from berth.core.zones import rfc3339
from berth.market import signin_message
from berth.market.signin import MAX_MESSAGE, Statement, check_message
from berth.market.signin_message import SignInMessage, read_message
from pydantic import ValidationError
from siwe import SiweMessage

from tests.backend.web.people import Api, siwe_message
from tests.backend.worlds import DINO, ORIGIN, WALL

IPV6 = "http://[::1]:8000"
NAMED = "https://berth.example"
GIVEN = {
    "domain": "127.0.0.1:8000",
    "uri": ORIGIN,
    "chainId": 1337,
    "nonce": "a1b2c3d4e5f6",
    "issuedAt": rfc3339(WALL),
}
LATER = rfc3339(WALL + 60)
TAIL = (
    f"\nExpiration Time: {LATER}\nNot Before: {rfc3339(WALL)}\nRequest ID: a%20b@c\nResources:"
    "\n- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/\n- https://a.example/x"
)
HERS = Statement(DINO.address, "a1b2c3d4e5f6")


def message(**changes: Any) -> str:
    return siwe_message(GIVEN, DINO, **changes)


def without_statement(text: str) -> str:
    return text.replace("\nSign in to Berth.\n", "\n")


def check(text: str) -> Statement:
    return check_message(text, origins=(ORIGIN, IPV6, NAMED), chain_id=1337, now=WALL)


def refusal(text: str) -> str:
    with pytest.raises(BerthError) as refused:
        check(text)
    return refused.value.code


# ---- what the standard allows


@pytest.mark.parametrize(
    "text",
    [
        message(),
        without_statement(message()),
        message(domain="http://127.0.0.1:8000"),
        message(domain="[::1]:8000", uri=IPV6),
        message(domain="berth.example", uri=f"{NAMED}/sign?in=a%20b/c?#here"),
        message(statement="I'm (really) here: 100 [times]; is it you? #1 @home / $5 & more = fun!"),
        message(issued=rfc3339(WALL).replace("Z", ".123456789Z")),
        message(issued=rfc3339(WALL + 3600).replace("Z", "+01:00")),
        message(tail=f"\nExpiration Time: {LATER}"),
        message(tail=f"\nNot Before: {rfc3339(WALL)}"),
        message(tail="\nRequest ID: "),
        message(tail="\nResources:"),
        message(tail="\nResources:\n- urn:isbn:0451450523\n- https://a.example/?b#c"),
        message(tail=TAIL),
        without_statement(message(tail=TAIL)),
    ],
)
def test_what_the_standard_allows_is_read(text: str) -> None:
    assert check(text) == HERS


def test_the_longest_honest_message_has_room() -> None:
    """The app's own, for a site with the longest name that there is."""
    domain = ".".join(["a" * 63] * 3 + ["b" * 61]) + ":65535"
    assert len(domain) == 253 + 6
    text = message(
        domain=domain,
        uri=f"https://{domain}",
        chain=2**53 - 1,
        nonce="f" * 128,
        statement="Sign in to Berth. This costs nothing and moves no money.",
        issued="2026-11-21T08:00:00.000Z",
        tail="\nExpiration Time: 2026-11-21T08:10:00.000Z",
    )
    assert refusal(text) == "session.domain"  # read, but not ours
    assert refusal(text + "/" * MAX_MESSAGE) == "session.message"


# ---- what it does not


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "Sign in, please.",
        message() + "\n",
        " " + message(),
        message().replace("\n", "\r\n"),
        message().replace("\n", "\r"),
        message().replace("\n", "\u2028"),
        message().replace("\n\n", "\n"),
        message().replace("\n\n", "\n\n\n"),
        message(domain=""),
        message(domain="http://"),
        message(domain="127.0.0.1:8000/a"),
        message(domain="127.0.0.1:8000 127.0.0.1:8000"),
        message(domain="127.0.0.1:8000\n127.0.0.1:8000"),
        message(statement=""),
        message(statement="Grüße"),
        message(statement='"quoted"'),
        message(statement="a\0b"),
        message(statement="a\ud800b"),
        message(address=DINO.address.upper().replace("X", "x")),
        message(address=DINO.shown + "0"),
        message(uri=""),
        message(uri="127.0.0.1"),
        message(uri="http://[::1:8000"),
        message(uri="http://127.0.0.1:8000/%zz"),
        message(uri="http://127.0.0.1:8000/a b"),
        message(version="1.0"),
        message(chain=""),
        message(chain="-1337"),
        message(chain="0x539"),
        message(chain="１３３７"),
        message(nonce="a1b2c3d"),
        message(nonce="a1b2c3d4-e5f6"),
        message(issued="2026-11-31T08:00:00Z"),
        message(issued="2026-11-21T24:30:00Z"),
        message(issued="2026-11-21T08:00:00"),
        message(issued="2026-11-21 08:00:00Z"),
        message(issued="2026-11-21"),
        message(tail="\nExpiration Time: never"),
        message(tail=f"\nNot Before: {LATER}\nExpiration Time: {LATER}"),
        message(tail=f"\nExpiration Time: {LATER}\nExpiration Time: {LATER}"),
        message(tail="\nResources:\n- https://a.example\nRequest ID: 1"),
        message(tail="\nResources:\n- a.example"),
        message(tail="\nResources:\n* https://a.example"),
        message(tail="\nRequest ID: a b"),
        message(tail="\n"),
        message(tail="\nMore: 1"),
    ],
)
def test_what_it_does_not_allow_is_no_message(text: str) -> None:
    assert refusal(text) == "session.message"


def test_a_message_cut_off_anywhere_is_none() -> None:
    whole = message()
    read = [end for end in range(len(whole)) if _read(whole[:end]) is not None]
    assert read == []


def test_lines_in_any_other_order_are_no_message() -> None:
    lines = message(tail=TAIL).split("\n")
    named = range(5, len(lines) - 2)  # two resources may change places
    for one in named:
        for other in range(one + 1, named.stop):
            mixed = list(lines)
            mixed[one], mixed[other] = mixed[other], mixed[one]
            assert refusal("\n".join(mixed)) == "session.message", (one, other)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"domain": "https://127.0.0.1:8000"}, "session.uri"),
        ({"domain": "eve@127.0.0.1:8000"}, "session.domain"),
        ({"domain": "[::1]:8001"}, "session.domain"),
        ({"domain": "127.0.0.1"}, "session.domain"),
        ({"uri": "http://eve@127.0.0.1:8000"}, "session.uri"),
        ({"uri": "http:127.0.0.1:8000"}, "session.uri"),
        ({"uri": "urn:isbn:0451450523"}, "session.uri"),
        ({"chain": "9" * 78}, "session.chain"),
    ],
)
def test_one_that_is_well_written_and_for_somebody_else_says_for_whom(
    changes: dict[str, Any], code: str
) -> None:
    assert refusal(message(**changes)) == code


def test_it_is_read_as_by_the_standards_own_grammar() -> None:
    """Wherever that grammar reads a message we read the same, and it reads whatever we let in. (For
    hosts that are not ours it has some odd opinions.)"""
    chance = random.Random(4361)
    good = [
        message(),
        without_statement(message()),
        message(domain="[::1]:8000", uri=f"{IPV6}/"),
        message(domain="https://berth.example", uri=f"{NAMED}/p?q=1#f"),
        message(tail=TAIL),
    ]
    both = 0
    try:
        for _ in range(120):
            text = _spoilt(chance.choice(good), chance)
            theirs, ours = _by_the_grammar(text), _read(text)
            ParseCache.clear_caches()
            if theirs is not None:
                both += 1
                assert ours is not None, text
                for name in SignInMessage.__slots__:
                    assert getattr(ours, name) == getattr(theirs, name), text
            try:
                check(text)
            except BerthError:
                continue
            assert theirs is not None, text
    finally:
        ParseCache.clear_caches()
    assert both > 5


def _read(text: str) -> SignInMessage | None:
    try:
        return read_message(text)
    except ValueError:
        return None


def _by_the_grammar(text: str) -> SiweMessage | None:
    try:
        return SiweMessage.from_message(text)
    except (ValueError, ValidationError, AttributeError, TypeError):
        return None


def _spoilt(text: str, chance: random.Random) -> str:
    """With lines or letters put in, taken out, or in other places."""
    lines, at = text.split("\n"), chance.randrange(len(text))
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    letter = chance.choice('\n\r\t :/?#[]@%0aZ\0é\u2028"<-.+T')
    match chance.randrange(6):
        case 0:
            del lines[one]
        case 1:
            lines.insert(other, lines[one])
        case 2:
            lines[one], lines[other] = lines[other], lines[one]
        case 3:
            return text[:at] + letter + text[at:]
        case 4:
            return text[:at] + text[at + 1 :]
        case _:
            return text[:at] + letter + text[at + 1 :]
    return "\n".join(lines)


# ---- what it costs


def hostile(number: int, size: int = MAX_MESSAGE) -> str:
    """A long message that is refused in the end, another for each number: one that makes a grammar
    keep all ways of reading it, or a regular expression try them."""
    mark = f"{number:04d}"
    match number % 6:
        case 0:
            text = "a" * size
        case 1:
            text = message(domain="a" * size)
        case 2:
            text = message(statement="a b " * size)
        case 3:
            text = message(uri="http://" + "a:" * size)
        case 4:
            text = message(tail="\nResources:" + "\n- //bbbb" * size)
        case _:
            text = message(domain="%41" * size)
    return text[: size - len(mark)] + mark


def kept() -> int:
    """What the grammar's program keeps of what it has read."""
    return sum(len(cache) for cache in ParseCache.list())


def test_nothing_of_a_hundred_hostile_messages_is_kept_anywhere(api: Api) -> None:
    sent = {hostile(number) for number in range(100)}
    assert len(sent) == 100
    before = kept()
    for text in sent:
        assert len(text) == MAX_MESSAGE
        problem = api.post("/v1/session", {"message": text, "signature": "0x"}, expect=401)
        assert problem["code"] == "session.message"
    assert kept() == before


def test_nothing_of_an_honest_message_is_kept_anywhere(api: Api) -> None:
    before = kept()
    api.sign_in(DINO)
    assert kept() == before


def steps(text: str) -> int:
    """Calls of whatever there is to be called, while a message is refused."""
    count = 0

    def counted(_frame: object, event: str, _called: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        read_message(text)
    except ValueError:
        return count
    finally:
        sys.setprofile(None)
    raise AssertionError(text)


@pytest.mark.parametrize("kind", range(6))
def test_a_message_ten_times_as_long_is_refused_in_as_many_steps(kind: int) -> None:
    assert steps(hostile(kind, 20_000)) == steps(hostile(kind, 2_000))


def test_no_pattern_goes_back_over_what_it_has_taken() -> None:
    """Each step above is one of these at most: of a repetition nothing is given back, so that a
    line's letters are each looked at a fixed number of times."""
    patterns = [one for one in vars(signin_message).values() if isinstance(one, re.Pattern)]
    assert patterns
    for pattern in patterns:
        assert list(_repetitions(pattern.pattern)) == []
    assert list(_repetitions(r"(?:ab*)c?d{1,9}")) == ["MAX_REPEAT 0 MAXREPEAT", "MAX_REPEAT 1 9"]


def _repetitions(pattern: str) -> Iterator[str]:
    """Repetitions of no fixed number that give back what they have taken."""

    def walk(part: Any) -> Iterator[str]:
        if isinstance(part, (list, tuple)) or hasattr(part, "data"):
            inside = list(getattr(part, "data", part))
            if len(inside) == 2 and str(inside[0]) in ("MAX_REPEAT", "MIN_REPEAT"):
                least, most, _ = inside[1]
                if least != most and most != 1:
                    yield f"{inside[0]} {least} {most}"
            for each in inside:
                yield from walk(each)

    yield from walk(importlib.import_module("re._parser").parse(pattern))
