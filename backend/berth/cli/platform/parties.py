"""The parties of an installation that stands alone: on a local chain one machine plays them all.

On a real network each is somebody else, with a key elsewhere; here each still has a key of its own
in an encrypted keystore, so that nothing works by one key doing another's part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from berth.core.addresses import checksum
from berth.core.ids import city_number
from berth.core.keys import LIGHT_SCRYPT_N, create_keystore, keystore_address, load_keystore
from berth.core.settings import Settings

#: Who there is; the keystore is `keys/<role>.json`.
ROLES = ("registry", "verifier", "maker", "guardian", "relay", "sponsor")
#: Attester numbers on a local chain.
VERIFIER, MAKER = 1, 2
#: Cities that the local registry speaks for from the start.
CITIES = ("AUMEL", "TWTPE", "DEBER", "NOOSL", "XXGEN")
LOCAL_FEE_BPS = 250
LOCAL_TIMELOCK_SECONDS = 172_800


@dataclass(frozen=True)
class Parties:
    """Keys of the local parties by role."""

    folder: Path
    password: str

    def address(self, role: str) -> str:
        """Lower-case text; needs no password."""
        return keystore_address(self.folder / f"{role}.json")

    def key(self, role: str) -> bytes:
        """Private key, 32 bytes."""
        return load_keystore(self.folder / f"{role}.json", self.password)


def local_parties(settings: Settings, password: str) -> Parties:
    """The parties' keys in the data folder; those that are missing are made."""
    for role in ROLES:
        path = settings.keys / f"{role}.json"
        if not path.exists():
            create_keystore(path, password, scrypt_n=LIGHT_SCRYPT_N)
    return Parties(settings.keys, password)


def deploy_config(parties: Parties) -> Mapping[str, Any]:
    """Configuration of `scripts/deploy.py` for a local chain with these parties."""

    def attester(role: str, *kinds: str) -> dict[str, Any]:
        return {"account": checksum(parties.address(role)), "roles": list(kinds)}

    registry = checksum(parties.address("registry"))
    return {
        "feeBps": LOCAL_FEE_BPS,
        "timelockDelay": LOCAL_TIMELOCK_SECONDS,
        "guardian": checksum(parties.address("guardian")),
        "attesters": {
            str(VERIFIER): attester("verifier", "holders", "vehicles"),
            str(MAKER): attester("maker", "locks"),
        },
        "authorities": {str(city_number(code)): registry for code in CITIES},
    }
