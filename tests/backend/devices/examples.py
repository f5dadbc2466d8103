"""The worked examples of `docs/device-examples.json`, made from fixed keys.

`.venv/bin/python -m tests.backend.devices.examples` writes the file anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from berth.core.hashing import keccak
from berth.core.ids import city_number, lease_hex, lease_id, parse_lease, space_id
from berth.core.messages import Domain, lock_possession, occupancy, sign
from berth.core.plate import commitment
from berth.core.signing import address_of
from berth.devices.certificates import DayKey, certify, encode_key
from berth.devices.jws import public_bytes
from berth.devices.protocol import (
    Ack,
    AnyMessage,
    Availability,
    Fault,
    Hello,
    OccupancyRecord,
    Plate,
    State,
    encode,
    leaf_of,
)
from berth.devices.tickets import Grant, Receipt, Ticket, sign_claims
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE = Path(__file__).parents[3] / "docs" / "device-examples.json"

KEY = keccak(b"berth example lock")
ROOT = Ed25519PrivateKey.from_private_bytes(keccak(b"berth example root"))
DAY = Ed25519PrivateKey.from_private_bytes(keccak(b"berth example day key"))
LOCK = address_of(KEY)
DOMAIN = Domain(1337, "0x" + "3a" * 20)
OWNER = "0x" + "0e" * 20
GROUP = "AUMEL"
SPACE = space_id(city_number(GROUP), 14448)
START = 2_000_000 * 900
LEASE = lease_hex(lease_id(SPACE, 2_000_000, 1))
BOOT, NONCE = "6b49d20018d1e74cda06c481", "36aef52c56a2fbb06d6fd63e32ecc201"
COMMAND = "59984d98-24e8-4743-8e09-50c10535fc75"
PLATE, SALT = "BRT042", bytes(range(32))


def messages() -> list[AnyMessage]:
    """One of each kind, as the lock says it."""
    departure = _departure()
    signature = "0x" + sign(departure, KEY).hex()

    def common(seq: int, at: int) -> dict[str, Any]:
        return {"lock": LOCK, "boot": BOOT, "seq": seq, "at": START + at}

    bar: dict[str, Any] = {"cycle": 0, "position": "LOCKED"}
    still: dict[str, Any] = {**bar, "occupied": False, "camera": False}
    return [
        Hello(
            **common(1, -300),
            **still,
            nonce=NONCE,
            connection=1,
            chain=DOMAIN.chain_id,
            market=DOMAIN.market,
            firmware="example 1",
        ),
        Availability(**common(2, -300), online=True, connection=1),
        State(**common(3, -300), **still),
        Plate(
            **common(4, -200),
            lease_id=LEASE,
            match=False,
            confidence=0.97,
            evidence_hash="0x" + keccak(b"berth example reading").hex(),
            reason="other_vehicle",
        ),
        Ack(**common(5, -100), **bar, outcome="refused", command=COMMAND, reason="plate.mismatch"),
        OccupancyRecord(
            **common(9, 2810),
            lease_id=LEASE,
            kind=2,
            from_=START - 60,
            until=START + 2800,
            energy_wh=0,
            signature=signature,
        ),
        Fault(**common(10, 2900), fault="car_detected", active=True),
    ]


def claims() -> list[Ticket | Grant | Receipt]:
    """What the backend sends."""
    common: dict[str, Any] = {"lock": LOCK, "chain": DOMAIN.chain_id, "market": DOMAIN.market}
    return [
        Ticket(
            **common,
            id=COMMAND,
            lease=LEASE,
            cycle=0,
            action="lower",
            boot=BOOT,
            nonce=NONCE,
            issued=START - 110,
        ),
        Grant(
            **common,
            lease=LEASE,
            version=1,
            state="granted",
            opens=START - 900,
            start=START,
            end=START + 7200,
            plate="0x" + commitment(SALT, PLATE).hex(),
            salt="0x" + SALT.hex(),
            requires=["plate", "confirm", "near"],
            issued=START - 3600,
        ),
        Receipt(**common, lease=LEASE, kind=2, digest="0x" + _departure().digest.hex()),
    ]


def day_key() -> DayKey:
    expires = START + 86400
    certificate = certify(ROOT, public_bytes(DAY), GROUP, START - 86400, expires)
    return DayKey(DAY, certificate, GROUP, expires)


def document() -> dict[str, Any]:
    """The whole file."""
    possession = lock_possession(DOMAIN, LOCK, SPACE, OWNER)
    return {
        "about": "Worked examples for docs/devices.md. The keys are public: never use them.",
        "keys": {
            "lockPrivate": "0x" + KEY.hex(),
            "lock": LOCK,
            "root": encode_key(public_bytes(ROOT)),
            "dayKey": encode_key(public_bytes(DAY)),
            "group": GROUP,
        },
        "domain": {"chainId": DOMAIN.chain_id, "verifyingContract": DOMAIN.market},
        "plate": {"plate": PLATE, "salt": "0x" + SALT.hex()},
        "possession": {
            "owner": OWNER,
            "spaceId": f"0x{SPACE:016x}",
            "digest": "0x" + possession.digest.hex(),
            "signature": "0x" + sign(possession, KEY).hex(),
        },
        "fromLock": {leaf_of(each): json.loads(encode(each, KEY)) for each in messages()},
        "occupancyDigest": "0x" + _departure().digest.hex(),
        "certificate": day_key().certificate,
        "toLock": {
            type(each).__name__.lower(): {
                "claims": msgspec.to_builtins(each),
                "jws": sign_claims(each, day_key()),
            }
            for each in claims()
        },
    }


def _departure() -> Any:
    return occupancy(DOMAIN, parse_lease(LEASE), 2, START - 60, START + 2800, 0)


if __name__ == "__main__":
    FILE.write_text(json.dumps(document(), indent=2) + "\n", "utf-8")
