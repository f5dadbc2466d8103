"""Who may do an operator's deeds: whoever has the token of the operator's file."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from berth.core.errors import BerthError
from berth.web.context import ServicesDep

#: A shorter token is none: it could be guessed.
MIN_TOKEN = 24
operator_scheme = HTTPBearer(
    auto_error=False,
    scheme_name="OperatorToken",
    description="the token in the operator's file (`BERTH_OPERATOR_TOKEN_FILE`)",
)


def operator_required(
    services: ServicesDep,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(operator_scheme)],
) -> None:
    """Raises BerthError operator.none (404) where there is no token, operator.token (401) for a
    request without the right one."""
    token = _token(services.settings.operator_token_file)
    if token is None:
        message = "this installation has no operator's token"
        raise BerthError("operator.none", message, status=404)
    if given is None or not _same(given.credentials, token):
        raise BerthError("operator.token", "give the operator's token", status=401)


OperatorOnly = Depends(operator_required)


def _token(path: Path) -> str | None:
    # read each time: a token that was replaced is replaced at once
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) >= MIN_TOKEN else None


def _same(given: str, token: str) -> bool:
    """In a time that tells nothing of either, not even the length."""
    one, other = (hashlib.sha256(text.encode("utf-8")).digest() for text in (given, token))
    return hmac.compare_digest(one, other)
