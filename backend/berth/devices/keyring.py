"""The files of roots and day keys."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.keys import create_ed25519, load_ed25519
from berth.devices.certificates import (
    DayKey,
    certify_day_key,
    decode_key,
    encode_key,
    read_certificate,
)
from berth.devices.jws import public_bytes

#: A day key is replaced this long before its end, seconds.
RENEW_SECONDS = 86400
_PINS = "roots.txt"
_DAY = re.compile(r"day-(\d{1,12})\.crt")


class KeyRing:
    """Roots and day keys of one group of locks, in a folder of encrypted files.

    `root.pem` and `spare.pem` are the roots, `roots.txt` their public halves, `day-<expiry>.pem`
    and `.crt` the day keys. Where the root lies in the folder, day keys renew themselves; where it
    has been carried away, those that were copied in are used until they run out.
    """

    def __init__(self, folder: Path, password: str, group: str, clock: Clock) -> None:
        self._folder = folder
        self._password = password
        self.group = group
        self._clock = clock
        self._current: DayKey | None = None

    def create_roots(self) -> None:
        """Make a root and a spare where there are none."""
        pins = self._folder / _PINS
        if pins.exists():
            return
        made = [self._root(self._folder / name) for name in ("root.pem", "spare.pem")]
        _write(pins, "".join(f"{encode_key(public_bytes(key))}\n" for key in made))

    def roots(self) -> tuple[bytes, ...]:
        """The public keys that locks pin."""
        try:
            lines = (self._folder / _PINS).read_text("ascii").split()
        except OSError as error:
            raise BerthError(
                "keyring.roots", f"there are no roots in {self._folder}", field="roots", exit_code=2
            ) from error
        return tuple(decode_key(line, "roots") for line in lines)

    def day_key(self) -> DayKey:
        """The key that signs now.

        Raises BerthError `keyring.day_key` when the last one has run out and there is no root here
        to certify another.
        """
        now = self._clock.now()
        if not _lasts(self._current, now + RENEW_SECONDS):
            self._current = self._newest(now)
        if not _lasts(self._current, now + RENEW_SECONDS) and (self._folder / "root.pem").exists():
            self._current = self._renew(now)
        if self._current is None or not _lasts(self._current, now):
            raise BerthError(
                "keyring.day_key",
                f"no day key in {self._folder} is valid, and there is no root to certify one",
                field="dayKey",
                status=503,
            )
        return self._current

    def expires(self) -> int | None:
        """When the newest day key that is here and valid runs out, Unix seconds; None = there is
        none. Makes nothing."""
        newest = self._newest(self._clock.now())
        return None if newest is None else newest.expires

    def _root(self, file: Path) -> Ed25519PrivateKey:
        if file.exists():  # made before a crash
            return load_ed25519(file, self._password)
        return create_ed25519(file, self._password)

    def _newest(self, now: int) -> DayKey | None:
        found = [
            (int(m[1]), p) for p in self._folder.glob("day-*.crt") if (m := _DAY.match(p.name))
        ]
        for _, path in sorted(found, reverse=True):
            certificate = path.read_text("ascii").strip()
            try:
                certified = read_certificate(certificate, self.roots(), self.group, now)
                private = load_ed25519(path.with_suffix(".pem"), self._password)
            except BerthError:
                continue
            if certified.public == public_bytes(private):
                return DayKey(private, certificate, self.group, certified.exp)
        return None

    def _renew(self, now: int) -> DayKey:
        root = load_ed25519(self._folder / "root.pem", self._password)
        draft = self._folder / f"day.{os.getpid()}.new"
        draft.unlink(missing_ok=True)
        day_key = certify_day_key(root, create_ed25519(draft, self._password), self.group, now)
        stem = self._folder / f"day-{day_key.expires}"
        draft.replace(stem.with_suffix(".pem"))
        _write(stem.with_suffix(".crt"), day_key.certificate + "\n")
        for old in self._folder.glob("day-*.crt"):
            match = _DAY.match(old.name)
            if match and int(match[1]) <= now:
                old.unlink(missing_ok=True)
                old.with_suffix(".pem").unlink(missing_ok=True)
        return day_key


def _lasts(key: DayKey | None, moment: int) -> bool:
    return key is not None and key.expires > moment


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.write_text(text, "ascii")
    draft.replace(path)
