"""Problems in the reader's language: the one place where a refusal becomes a sentence."""

from __future__ import annotations

from typing import Any

from berth.chain.reverts import ChainRevertError
from berth.core.errors import BerthError
from berth.market import refusals
from berth.web.problemshapes import FAILED, FIGURES, MALFORMED, REFUSED, SHAPES, TITLES
from berth.web.problemtexts import SENTENCES, VARIANTS, Pair


def sentence(error: BerthError, language: str) -> str:
    """What is refused and why, in English ("en") or Chinese ("zh"), with the error's figures."""
    if isinstance(error, ChainRevertError):
        return refusals.sentence(error, language)
    pair = pair_of(error.code, error.template)
    if pair is None:
        return said(REFUSED, language).format(code=error.code)
    figures = {name: _figure(value, language) for name, value in error.figures.items()}
    return said(pair, language).format(**{**figures, "field": error.field or ""})


def pair_of(code: str, template: str) -> Pair | None:
    """Both sentences of a problem that is raised with `template`; None where nobody wrote them."""
    return VARIANTS.get(code, {}).get(template) or SENTENCES.get(code)


def known(code: str, language: str) -> str:
    """The sentence of a problem without figures."""
    pair = SENTENCES.get(code)
    return said(REFUSED, language).format(code=code) if pair is None else said(pair, language)


def failed(status: int, language: str) -> str:
    """What failed on our side, without files and hosts."""
    return said(FAILED.get(status, FAILED[500]), language)


def title(status: int, language: str) -> str:
    """A status in words."""
    return said(TITLES.get(status, ("Error", "错误")), language)


def shape(item: dict[str, Any], language: str) -> str:
    """What is wrong with a value of the request, from pydantic's error."""
    context = item.get("ctx", {})
    cause = getattr(context.get("error"), "__cause__", None)
    if isinstance(cause, BerthError):
        return sentence(cause, language)
    if not language.startswith("zh"):
        told = str(item["msg"]).removeprefix("Value error, ")
        return f"is not JSON: {told}" if item["type"] == "json_invalid" else told
    told = SHAPES.get(item["type"], MALFORMED)
    try:
        return told.format(**context)
    except KeyError:  # this release of pydantic gives other figures
        return MALFORMED


def said(pair: Pair, language: str) -> str:
    """One of the two."""
    return pair[1 if language.startswith("zh") else 0]


def _figure(value: object, language: str) -> object:
    """Figures that are words are translated; numbers and names stay."""
    if language.startswith("zh") and isinstance(value, str):
        return FIGURES.get(value, value)
    return value
