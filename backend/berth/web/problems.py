"""Errors as RFC 9457 problems: a stable code, a sentence in the reader's language, and a pointer to
the field at fault."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from berth.core.errors import BerthError
from berth.web import problemwords
from berth.web.context import language_of
from berth.web.schemas.common import FieldProblem, Problem

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("berth.web")
# the first word of a validation error's place says where the value came from
_PLACES = {"body", "query", "path", "header", "cookie"}
_CODES = {
    400: "request.body",
    404: "request.not_found",
    405: "request.method",
    413: "request.too_large",
}


@contextmanager
def within(prefix: str) -> Iterator[None]:
    """Errors about a field inside are about `prefix`.field: the body's members are nested."""
    try:
        yield
    except BerthError as error:
        if error.field is not None:
            error.field = f"{prefix}.{error.field}"
        raise


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    errors: Sequence[FieldProblem] = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """The answer."""
    document = Problem(
        type=f"urn:berth:problem:{code}",
        title=problemwords.title(status, language_of(request)),
        status=status,
        code=code,
        detail=detail,
        instance=request.url.path,
        errors=list(errors),
    )
    content = document.model_dump(by_alias=True, exclude_none=True)
    return JSONResponse(content, status, media_type=MEDIA_TYPE, headers=headers)


def answer_for(request: Request, error: BerthError) -> JSONResponse:
    """A BerthError as a problem. What failed on our side is told by its code: the sentence may name
    files and hosts, and is in the log."""
    status, language = _status(error), language_of(request)
    detail, errors = problemwords.sentence(error, language), []
    if status >= 500 and problemwords.pair_of(error.code, error.template) is None:
        detail = problemwords.failed(status, language)
    elif error.field is not None:
        where = pointer(error.field.split("."))
        errors.append(FieldProblem(field=error.field, pointer=where, detail=detail))
    headers = {"Retry-After": "2"} if status == 503 else None
    if status == 401:
        headers = {"WWW-Authenticate": 'Bearer realm="berth"'}
    return problem(request, status, error.code, detail, errors, headers)


def _status(error: BerthError) -> int:
    """Errors that name no status of their own: what a field holds is the client's, what a node
    says is not."""
    if error.status != 400:
        return error.status
    if error.code.startswith("chain."):
        return 502
    return 422 if error.field is not None else 400


def pointer(parts: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) to a member."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return "".join(f"/{part}" for part in escaped)


def not_served(request: Request, error: HTTPException) -> JSONResponse:
    """What the framework refuses as a problem: no such address, no such method, too large."""
    code = _CODES.get(error.status_code, f"http.{error.status_code}")
    headers = dict(error.headers) if error.headers else None
    detail = problemwords.known(code, language_of(request))
    return problem(request, error.status_code, code, detail, headers=headers)


def install(app: FastAPI) -> None:
    """Every error of the application becomes a problem."""

    @app.exception_handler(BerthError)
    async def refused(request: Request, error: BerthError) -> JSONResponse:
        if _status(error) >= 500:
            _log.warning("request failed", path=request.url.path, code=error.code, why=str(error))
        return answer_for(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        language, verb = language_of(request), _chosen(request, error.body)
        errors = [_field_problem(item, language, verb) for item in error.errors()]
        detail = problemwords.known("request.invalid", language)
        if errors:
            detail = f"{errors[0].field}: {errors[0].detail}"
        return problem(request, 422, "request.invalid", detail, errors)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return not_served(request, error)

    @app.exception_handler(OperationalError)
    async def busy(request: Request, error: OperationalError) -> JSONResponse:
        _log.error("database failed", path=request.url.path, why=str(error.orig))
        detail = problemwords.known("store.unavailable", language_of(request))
        return problem(request, 503, "store.unavailable", detail, headers={"Retry-After": "2"})

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        # as text: a pretty printer's local variables would put plates and addresses into the log
        trace = "".join(traceback.format_exception(error))
        _log.error("request broke", path=request.url.path, trace=trace)
        return problem(request, 500, "internal", problemwords.failed(500, language_of(request)))


def _chosen(request: Request, body: object) -> str | None:
    """The word by which a body of one of several shapes says which of them it is: `cancel`, for
    `{"verb": "cancel", ...}`. None where there is one shape."""
    taken = getattr(request.scope.get("route"), "body_field", None)
    name = None if taken is None else taken.field_info.discriminator
    chosen = body.get(name) if isinstance(name, str) and isinstance(body, dict) else None
    return chosen if isinstance(chosen, str) else None


def _field_problem(item: dict[str, Any], language: str, chosen: str | None = None) -> FieldProblem:
    place = list(item["loc"])
    source = str(place[0]) if place and place[0] in _PLACES else None
    parts = place[1:] if source else place
    if chosen is not None and source == "body" and parts[:1] == [chosen]:
        parts = parts[1:]  # pydantic's name for the shape: no member of the request
    if item["type"] in ("union_tag_invalid", "union_tag_not_found"):
        parts = [*parts, str(item["ctx"]["discriminator"]).strip("'")]
    detail = problemwords.shape(item, language)
    if item["type"] == "json_invalid":
        return FieldProblem(field="body", pointer="", detail=detail)
    return FieldProblem(
        field=".".join(str(part) for part in parts) or (source or "body"),
        pointer=pointer(parts),
        detail=detail,
    )
