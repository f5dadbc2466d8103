"""What the outside world gives a program, made virtual: clocks, randomness, signatures.

secp256k1 in Python takes milliseconds a signature, and a simulated day has ten thousands. Here a
signature is a hash, and who made it is on record: nobody can forge what is not, which is what the
real ones promise.
"""

from __future__ import annotations

import os
import random
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from berth.core import envelope, messages, signing
from berth.core.checks import hex_octets, octets
from berth.core.errors import BerthError
from berth.core.hashing import keccak

from tests.sim.loop import PROCESS, VirtualLoop

_real_address_of = cache(signing.address_of)
_real_recover = signing.recover_digest


class Signatures:
    """Every signature ever made in this world."""

    def __init__(self) -> None:
        self._made: dict[tuple[bytes, bytes], str] = {}

    def sign(self, digest: bytes, private_key: bytes) -> bytes:
        octets(digest, "digest", 32)
        first = keccak(b"r" + digest + private_key)
        # s below half the order, v 27: in the ranges that the checks before ecrecover ask for
        second = bytes([first[0] & 0x3F]) + keccak(b"s" + first)[1:]
        made = first[:1].replace(b"\xff", b"\xfe") + first[1:] + second + b"\x1b"
        self._made[digest, made] = _real_address_of(private_key)
        return made

    def recover(self, digest: bytes, signature: bytes | str, field: str = "signature") -> str:
        octets(digest, "digest", 32)
        if isinstance(signature, str):
            signature = hex_octets(signature, field, 65, "signature.length")
        raw = bytes(octets(signature, field, 65, "signature.length"))
        signer = self._made.get((digest, raw))
        if signer is not None:
            return signer
        if raw[64] not in (27, 28):
            raise BerthError("signature.v", f"v must be 27 or 28, not {raw[64]}", field=field)
        # over another digest the same bytes name some address that nobody has
        return "0x" + keccak(b"nobody" + digest + raw)[:20].hex()


@contextmanager
def installed(loop: VirtualLoop, seed: int, epoch: int, signatures: Signatures) -> Iterator[None]:
    """While this lasts, every program's time is the loop's, and every random byte the seed's.

    `epoch` is the Unix second at which the loop begins.
    """
    chance = random.Random(f"secrets {seed}")

    def unix() -> float:
        process = PROCESS.get()
        return epoch + loop.now + (0.0 if process is None else process.skew)

    def randbytes(count: int | None = None) -> bytes:
        return chance.randbytes(32 if count is None else count)

    replacements: list[tuple[Any, str, Callable[..., Any]]] = [
        (time, "time", unix),
        (time, "monotonic", loop.time),
        (time, "sleep", _no_sleep),
        (os, "urandom", chance.randbytes),
        (uuid, "uuid4", lambda: uuid.UUID(bytes=chance.randbytes(16), version=4)),
        (secrets, "token_bytes", randbytes),
        (secrets, "token_hex", lambda count=None: randbytes(count).hex()),
        (secrets, "token_urlsafe", lambda count=None: randbytes(count).hex()),
        (secrets, "randbelow", chance.randrange),
        (signing, "sign_digest", signatures.sign),
        (signing, "recover_digest", signatures.recover),
        (envelope, "sign_digest", signatures.sign),
        (envelope, "recover_digest", signatures.recover),
        (messages, "sign_digest", signatures.sign),
        (messages, "recover_digest", signatures.recover),
    ]
    kept = random.getstate()
    random.seed(seed)
    with ExitStack() as stack:
        stack.callback(random.setstate, kept)
        for module, name, value in replacements:
            stack.enter_context(patch.object(module, name, value))
        yield


def _no_sleep(_seconds: float) -> None:
    raise RuntimeError("time.sleep in virtual time would stop everybody")
