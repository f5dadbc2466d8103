"""Whatever anybody sends, the answer is a BerthError or silence: never another exception."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from berth.core.envelope import seal
from berth.core.errors import BerthError
from berth.core.signing import address_of
from berth.devices.protocol import decode, parse_world
from berth.devices.topics import FROM_LOCK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.backend.devices.locks import PLATE, Bench

KEY = b"\x05" * 32
LOCK = address_of(KEY)
FAST = settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
fields = st.sampled_from(
    ["type", "lock", "boot", "seq", "at", "cycle", "position", "leaseId", "kind", "nonce", "grants"]
)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.give(bench.grant())
    bench.world(plate=PLATE)
    return bench


@FAST
@given(leaf=st.sampled_from(sorted(FROM_LOCK)), data=st.binary(max_size=200))
def test_bytes_on_a_locks_topic_are_decoded_or_refused(leaf: str, data: bytes) -> None:
    with contextlib.suppress(BerthError):
        decode(LOCK, leaf, data)


@FAST
@given(leaf=st.sampled_from(sorted(FROM_LOCK)), payload=st.dictionaries(fields, json_values))
def test_well_signed_nonsense_is_refused(leaf: str, payload: dict[str, Any]) -> None:
    payload = {**payload, "type": leaf, "lock": LOCK}
    with contextlib.suppress(BerthError):
        data = json.dumps(seal(payload, KEY)).encode("utf-8", "surrogatepass")
        decode(LOCK, leaf, data)


@FAST
@given(data=st.binary(max_size=300))
def test_bytes_on_a_lock_open_nothing(bench: Bench, data: bytes) -> None:
    bench.lock.hear_command(data)
    bench.lock.hear_grant(data)
    bench.lock.hear_world(data)
    with contextlib.suppress(BerthError):
        parse_world(data)
    assert bench.lock.hardware.sense() == "up"


@FAST
@given(header=json_values, claims=json_values)
def test_a_jws_of_any_shape_opens_nothing(bench: Bench, header: Any, claims: Any) -> None:
    def part(value: Any) -> str:
        raw = json.dumps(value).encode("utf-8", "surrogatepass")
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    good = bench.ticket("lower")
    signature = good.rsplit(".", 1)[1]
    for text in (
        f"{part(header)}.{part(claims)}.{signature}",
        f"{part({'alg': 'Ed25519', 'typ': 'berth-ticket+jwt', 'crt': header})}.{part(claims)}.AA",
        f"{good.split('.')[0]}.{part(claims)}.{signature}",
    ):
        bench.tell(text)
        bench.give(text)
    assert bench.lock.hardware.sense() == "up"
    assert bench.lock.memory.pending is None


@FAST
@given(place=st.integers(0, 2000), letter=st.characters(min_codepoint=33, max_codepoint=126))
def test_no_single_letter_of_a_ticket_may_change(bench: Bench, place: int, letter: str) -> None:
    good = bench.ticket("lower")
    index = place % len(good)
    changed = good[:index] + letter + good[index + 1 :]
    if changed == good or _same_bytes(changed, good):
        return
    bench.tell(changed)
    assert bench.lock.hardware.sense() == "up"
    assert bench.lock.memory.pending is None


def _same_bytes(one: str, other: str) -> bool:
    """base64url leaves spare bits at its end: another letter there is the same message."""
    try:
        pairs = [(base64.urlsafe_b64decode(p + "==") for p in t.split(".")) for t in (one, other)]
        return list(pairs[0]) == list(pairs[1])
    except ValueError:
        return False
