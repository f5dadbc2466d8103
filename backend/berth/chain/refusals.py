"""Why a node refuses a call, told from its words: each node and provider has its own.

The JSON-RPC codes alone do not tell: -32005 means "too many results" at one provider and "too many
requests" at the next.
"""

from __future__ import annotations

import re
from enum import Enum

#: So much of an error's text is read: the node writes it, and it may be of any length.
READ_CHARACTERS = 600


class Refusal(Enum):
    """What is to be done about it."""

    RANGE = "range"  # ask for less: fewer blocks, fewer results, a smaller batch
    RATE = "rate"  # ask later, and less often
    HISTORY = "history"  # the node has forgotten, or never had, what was asked for: ask another
    ABSENT = "absent"  # it does not know the block (yet): look again where the chain is
    BATCH = "batch"  # it takes no batches, or smaller ones only
    DOWN = "down"  # the node behind the address is not there: ask later or another
    OTHER = "other"  # an answer in the matter itself: a revert, a bad nonce


_RATE = re.compile(
    r"rate.?limit|too many requests|request limit|requests? per (?:second|minute|day)"
    r"|(?:second|minute) request|compute units|capacity (?:limit )?exceeded|request rate"
    r"|request count exceeded|credits? (?:limit|quota)|quota (?:exceeded|reached)|throttl"
    r"|try again (?:later|in)|exceeded the (?:rate|request)"
)
_BATCH = re.compile(r"batch")
_HISTORY = re.compile(
    r"missing trie node|pruned|history (?:is )?(?:un)?available|historical state|archive"
    r"|state (?:is )?(?:not available|unavailable|already discarded)|no state available"
    r"|receipts? .{0,40}(?:not available|missing|neither)|old data not available"
    r"|distance to target block exceeds"
)
_ABSENT = re.compile(
    r"header(?: for hash)? not found|unknown block|block not found|block .{0,80}not found"
    r"|cannot be found|beyond (?:current |the )?head|after last accepted block|not yet available"
    r"|(?:to|from)block .{0,40}(?:head|latest|future)|invalid block height|resource not found"
)
_RANGE = re.compile(
    r"(?:too many|more than \d[\d,]*) (?:results|logs|blocks|events)|results? limit"
    r"|(?:exceeds?|exceeded|over|above) .{0,40}(?:range|results|blocks|logs|size)"
    r"|(?:range|size|block count|response) (?:is |was )?(?:too|exceed|limit|greater)"
    r"|too (?:wide|large|big|long)|block range|blocks range|range of blocks"
    r"|limited to .{0,30}(?:range|blocks)|at most .{0,20}(?:blocks|logs|results)"
    r"|limit(?:ed)? (?:the query )?to .{0,30}(?:blocks|range)|max(?:imum)?.{0,10}(?:range|results)"
    r"|query (?:timeout|timed out)|tim(?:ed|e).?out|deadline exceeded|returned more than"
    r"|reduc(?:e|ing) .{0,20}range|entity too large|exceeds limit of"
)
_DOWN = re.compile(
    r"no (?:available|healthy) |no backend|service (?:temporarily )?unavailable|bad gateway"
    r"|internal server error|upstream|connection (?:refused|reset)|node is (?:not synced|syncing)"
)

_HEX_RANGE = re.compile(r"\[\s*(0x[0-9a-f]{1,16})\s*[,-]\s*(0x[0-9a-f]{1,16})\s*\]")
_DECIMAL_RANGE = re.compile(r"range\s+\[?(\d{1,18})\s*[-,]\s*(\d{1,18})")
_NUMBER = r"(\d[\d,_]{0,12})\s*(k)?"
_WIDTHS = (
    re.compile(
        rf"(?:up to|at most|max(?:imum)?(?: allowed)?(?: is| of)?) (?:an? )?{_NUMBER} block"
    ),
    re.compile(rf"(?:limited|limit is|up) to (?:an? )?(?:0 ?- ?)?{_NUMBER}[ -]?(?:blocks? )?range"),
    re.compile(rf"max(?:imum)?(?: allowed)?(?: block)? range(?: is| of|:)? ?{_NUMBER}"),
    re.compile(rf"limited to (?:an? )?(?:0 ?- ?)?{_NUMBER} blocks?"),
    re.compile(rf"maximum (?:is )?(?:set to |allowed is )?{_NUMBER}"),
)


def read_refusal(method: str, code: int, text: str) -> Refusal:
    """What an error of `method` means. `code` is JSON-RPC's, `text` the node's own words."""
    said = text[:READ_CHARACTERS].lower()
    if code in (3, -32015) or "revert" in said:
        return Refusal.OTHER
    if code == 4444 or _HISTORY.search(said):
        return Refusal.HISTORY
    asks_logs = method == "eth_getLogs"
    if asks_logs and (_HEX_RANGE.search(said) or _DECIMAL_RANGE.search(said)):
        return Refusal.RANGE  # it even names a range that would do
    if code in (429, -32029) or _RATE.search(said):
        return Refusal.RATE
    if _BATCH.search(said):
        return Refusal.BATCH
    if _ABSENT.search(said):
        return Refusal.ABSENT
    if asks_logs and _RANGE.search(said):
        return Refusal.RANGE
    if _DOWN.search(said) or code == -32011:
        return Refusal.DOWN
    if code in (-32005, -32007, -32016, -32097):
        return Refusal.RANGE if asks_logs and code == -32005 else Refusal.RATE
    if asks_logs and code == -32012:
        return Refusal.RANGE
    return Refusal.OTHER


def suggested_width(text: str) -> int | None:
    """How many blocks the node would have taken, where it says so; always at least 1."""
    said = text[:READ_CHARACTERS].lower()
    for pattern, base in ((_HEX_RANGE, 16), (_DECIMAL_RANGE, 10)):
        if found := pattern.search(said):
            width = int(found[2], base) - int(found[1], base) + 1
            return width if width >= 1 else None
    for pattern in _WIDTHS:
        if found := pattern.search(said):
            width = int(re.sub(r"\D", "", found[1])) * (1000 if found[2] else 1)
            return width or None
    return None
