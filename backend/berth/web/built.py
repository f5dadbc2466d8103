"""Files that were built for browsers, read once each, and what their pages may do."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

#: The kinds of file that are handed out; every other one is not there.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_PACKED_ALREADY = frozenset({".png", ".webp", ".woff2"})
#: A larger file is no part of an app for phones.
_LARGEST = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file as it goes over the wire; `packed` with gzip, None where that does not pay."""

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str


class Built:
    """A folder of built files, looked at anew for each request: it may be built meanwhile."""

    def __init__(self, folder: Path, tiles_url: str | None) -> None:
        self._folder = folder
        self._known: dict[str, tuple[tuple[int, int], BuiltFile]] = {}
        self.policy = policy(tiles_url)

    def find(self, name: str) -> BuiltFile | None:
        """A file by its name in the folder; None when there is none that may be handed out."""
        parts = name.split("/")
        if any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
            return None
        path = self._folder.joinpath(*parts)
        media_type = MEDIA_TYPES.get(path.suffix)
        if media_type is None:
            return None
        try:
            if not path.resolve().is_relative_to(self._folder.resolve()):
                return None  # a link that leads out of the folder
            seen = path.stat()
            stamp = (seen.st_mtime_ns, seen.st_size)
            known = self._known.get(name)
            if known is not None and known[0] == stamp:
                return known[1]
            if not path.is_file() or seen.st_size > _LARGEST:
                return None
            body = path.read_bytes()
        except OSError:
            self._known.pop(name, None)
            return None
        packed = None if path.suffix in _PACKED_ALREADY else gzip.compress(body, 9, mtime=0)
        if packed is not None and len(packed) >= len(body):
            packed = None
        if name == "index.html":
            self._known.clear()  # built anew: the other files have new names
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        found = BuiltFile(body, packed, media_type, etag)
        self._known[name] = (stamp, found)
        return found


def policy(tiles_url: str | None) -> str:
    """What a page of the app may load. Pictures come from here and from the map's tiles; questions
    go here and to a node that the reader names."""
    pictures = ["'self'", "data:", *_origin(tiles_url)]
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {' '.join(pictures)}",
            "connect-src 'self' https: http://127.0.0.1:* http://localhost:*",
            "worker-src 'self'",
            "manifest-src 'self'",
            "font-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _origin(tiles_url: str | None) -> list[str]:
    """The origin of a template of tiles; `{s}.` at its start stands for any first label."""
    if tiles_url is None:
        return []
    parts = urlsplit(tiles_url)
    host = parts.netloc.rpartition("@")[2].replace("{s}.", "*.", 1)
    if any(sign in host for sign in "{};, '\""):
        return [f"{parts.scheme}:"]
    return [f"{parts.scheme}://{host}"]
