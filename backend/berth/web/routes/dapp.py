"""The dApp: what was built of it, at `/` and at its own addresses."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException

from berth.web import problems
from berth.web.built import Built, BuiltFile
from berth.web.context import language_of
from berth.web.routes.operations import services_at_once
from berth.web.routes.pages import page

router = APIRouter(include_in_schema=False)

_BOTH = ["GET", "HEAD"]
#: Named after their content: what is behind such a name never changes.
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_NEVER = "no-store"
#: Here a program asks, whatever it says that it takes.
_API = "/v1"
#: As dapp/src/routes.ts has them.
_ADDRESSES = (
    "/",
    "/index.html",
    "/space/{_one}",
    "/leases",
    "/lease/{_one}",
    "/owner",
    "/owner/{_one}",
    "/owner/space/{_one}",
    "/audit",
    "/audit/{_one}",
    "/account",
)


class _FileName(Convertor[str]):
    """A file's name: no folder, no dot at its start, and a kind."""

    regex = r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.[A-Za-z0-9]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("filename", _FileName())


async def app_page(request: Request) -> Response:
    """The app, which finds its screen by the address."""
    return _page(request, 200, _ASK_AGAIN)


def _page(request: Request, status: int, keep: str) -> Response:
    built = services_at_once(request).dapp
    found = built.find("index.html")
    if found is None:
        answer: Response = page("unbuilt.html", language_of(request))
        answer.status_code = status
        return answer
    return _answer(request, built, found, keep, status)


def install(app: FastAPI) -> None:
    """An address that is nobody's: to somebody with a browser the app says so, and shows the ways
    on; everybody else gets the problem."""

    @app.exception_handler(404)
    async def nowhere(request: Request, error: HTTPException) -> Response:
        if not _by_browser(request):
            told = problems.not_served(request, error)
            told.headers.add_vary_header("Accept")
            return told
        return _page(request, 404, _NEVER)


def _by_browser(request: Request) -> bool:
    """A page was wanted: no file, nothing of the API."""
    path = request.url.path
    if request.method not in _BOTH or path == _API or path.startswith(f"{_API}/"):
        return False
    return "." not in path.rpartition("/")[2] and _takes(request, "accept", "text/html")


for _address in _ADDRESSES:
    router.add_api_route(_address, app_page, methods=_BOTH)


@router.api_route("/assets/{name:filename}", methods=_BOTH)
async def asset(request: Request, name: str) -> Response:
    """Scripts, styles and pictures, named after their content."""
    return _file(request, f"assets/{name}", _FOR_EVER)


@router.api_route("/{name:filename}", methods=_BOTH)
async def root_file(request: Request, name: str) -> Response:
    """What must have a name of its own: service worker, manifest, icons."""
    return _file(request, name, _ASK_AGAIN)


def _file(request: Request, name: str, keep: str) -> Response:
    built = services_at_once(request).dapp
    found = built.find(name)
    if found is None:
        raise HTTPException(404)
    return _answer(request, built, found, keep)


def _answer(
    request: Request, built: Built, found: BuiltFile, keep: str, status: int = 200
) -> Response:
    headers = {
        "Cache-Control": keep,
        "Content-Security-Policy": built.policy,
        "ETag": found.etag,
        "Vary": "Accept-Encoding" if status == 200 else "Accept, Accept-Encoding",
    }
    known = (tag.strip().removeprefix("W/") for tag in _named(request, "if-none-match"))
    if status == 200 and found.etag in known:
        return Response(status_code=304, headers=headers)
    body = found.body
    if found.packed is not None and _takes(request, "accept-encoding", "gzip"):
        body, headers["Content-Encoding"] = found.packed, "gzip"
    return Response(body, status, media_type=found.media_type, headers=headers)


def _takes(request: Request, header: str, wanted: str) -> bool:
    """Whether an Accept header names something, and does not weigh it as nothing."""
    for part in _named(request, header):
        name, _, weight = part.partition(";")
        if name.strip().lower() == wanted:
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _named(request: Request, header: str) -> list[str]:
    return request.headers.get(header, "").split(",")
