"""The built app at its addresses: what is handed out, how long it is kept, what it may do."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from pathlib import Path

import pytest
from berth.web import create_app
from berth.web.built import Built, policy
from fastapi.testclient import TestClient

from tests.backend.web.people import Api, check_problem
from tests.backend.web.test_watching import hanging_database
from tests.backend.worlds import ORIGIN, World

SCRIPT = "console.log('berth');\n" * 40
ROUTES = Path(__file__).parents[3] / "dapp" / "src" / "routes.ts"


@pytest.fixture
def built(world: World) -> Path:
    """A small app where the world's settings look for it, and secrets around it."""
    folder = world.services.settings.dapp
    (folder / "assets").mkdir(parents=True)
    (folder / ".vite").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>app</title>" + "<p></p>" * 50)
    (folder / "sw.js").write_text(SCRIPT)
    (folder / "manifest.webmanifest").write_text("{}")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets" / "app-1a2B_3.js").write_text(SCRIPT)
    (folder / "assets" / "app-1a2B_3.css").write_text("a{}")
    (folder / "assets" / "icon.png").write_bytes(b"\x89PNG" * 100)
    (folder / ".vite" / "manifest.json").write_text("{}")
    (folder / "notes.md").write_text("secret")
    (folder.parent / "secret.js").write_text("secret")
    (folder / "out.js").symlink_to(folder.parent / "secret.js")
    return folder


def own_addresses() -> list[str]:
    """The app's addresses, with something in place of each part."""
    table = re.search(r"export const routes = \{(.*?)\} as const", ROUTES.read_text(), re.DOTALL)
    assert table is not None
    found = re.findall(r'"(/[^"]*)"', table[1])
    assert len(found) > 8
    return [re.sub(r":\w+", "0x12", route) for route in found]


@pytest.mark.parametrize("path", [*own_addresses(), "/index.html"])
def test_every_address_of_the_app_is_its_page(api: Api, built: Path, path: str) -> None:
    answer = api.client.get(path)
    assert answer.status_code == 200
    assert "<title>app</title>" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "media_type", "keep"),
    [
        ("/sw.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/manifest.webmanifest", "application/manifest+json", "no-cache"),
        ("/icon.svg", "image/svg+xml", "no-cache"),
        (
            "/assets/app-1a2B_3.js",
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        (
            "/assets/app-1a2B_3.css",
            "text/css; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        ("/assets/icon.png", "image/png", "public, max-age=31536000, immutable"),
    ],
)
def test_files_have_their_type_and_are_kept_as_long_as_their_names_allow(
    api: Api, built: Path, path: str, media_type: str, keep: str
) -> None:
    answer = api.client.get(path)
    assert answer.status_code == 200
    assert answer.content == (built / path[1:]).read_bytes()
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == keep
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == policy(None)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing.js",
        "/nothing",
        "/notes.md",
        "/out.js",
        "/.vite/manifest.json",
        "/assets/nothing.js",
        "/assets/",
        "/assets/../sw.js",
        "/assets/..%2fsw.js",
        "/assets/%2e%2e/secret.js",
        "/..%2fsecret.js",
        "/%2e%2e%2fsecret.js",
        "/..\\secret.js",
        "/sw.js%00",
        "/.env.js",
        "/space/0x1/more",
        "/owner/space/0x1/more",
        "/v1/nothing.js",
    ],
)
def test_nothing_else_is_there(api: Api, built: Path, path: str) -> None:
    answer = api.client.get(ORIGIN + path)
    if path == "/assets/../sw.js":  # the client resolves it before it asks
        assert answer.url.path == "/sw.js"
        return
    assert answer.status_code == 404, answer.text
    check_problem(answer)
    assert "secret" not in answer.text.replace("secret.js", "")


#: As Chromium asks for a page.
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    "path", ["/nothing", "/space/0x1/more", "/owner/x/y", "/audit/x/y", "/space", "/v1x", "/%ff"]
)
def test_an_address_that_is_nobody_s_is_the_app_s_page_to_a_browser(
    api: Api, built: Path, path: str
) -> None:
    answer = api.client.get(path, headers=BROWSER)
    assert answer.status_code == 404
    assert "<title>app</title>" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == policy(None)
    head = api.client.head(path, headers=BROWSER)
    assert (head.status_code, head.content) == (404, b"")
    # known or not: what is not there has not stayed as it was
    tag = api.client.get("/").headers["etag"]
    assert api.client.get(path, headers=BROWSER | {"If-None-Match": tag}).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("GET", "/owner/x/y", "*/*"),
        ("GET", "/owner/x/y", "application/json"),
        ("GET", "/owner/x/y", "text/html;q=0, application/json"),
        ("POST", "/owner/x/y", BROWSER["Accept"]),
        ("GET", "/v1", BROWSER["Accept"]),
        ("GET", "/v1/nothing", BROWSER["Accept"]),
        ("GET", "/v1/spaces/0x0365924fffffffff", BROWSER["Accept"]),
        ("GET", "/assets/nothing.js", BROWSER["Accept"]),
        ("GET", "/nothing.js", BROWSER["Accept"]),
    ],
)
def test_who_asks_for_no_page_gets_the_problem(
    api: Api, built: Path, method: str, path: str, accept: str
) -> None:
    answer = api.client.request(method, ORIGIN + path, headers={"Accept": accept})
    assert answer.status_code == 404, answer.text
    check_problem(answer)


@pytest.mark.parametrize("accept", [BROWSER["Accept"], "application/json"])
def test_caches_keep_the_page_and_the_problem_of_an_address_apart(
    api: Api, built: Path, accept: str
) -> None:
    answer = api.client.get("/nowhere", headers={"Accept": accept})
    assert answer.status_code == 404
    assert "Accept" in answer.headers["vary"].split(", ")


def test_a_name_that_leads_out_of_the_folder_is_no_file(built: Path) -> None:
    found = Built(built, None)
    assert found.find("sw.js") is not None
    for name in ("../secret.js", "assets/../../secret.js", "/etc/passwd", "out.js", "a\0.js", ""):
        assert found.find(name) is None, name


def test_head_answers_like_get_without_the_body(api: Api, built: Path) -> None:
    for path in ("/", "/sw.js", "/assets/app-1a2B_3.js", "/lease/0x12"):
        got, head = api.client.get(path), api.client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert head.headers[name] == got.headers[name]


def test_other_methods_are_refused(api: Api, built: Path) -> None:
    for path in ("/", "/sw.js", "/owner"):
        assert api.client.post(path).status_code == 405


def test_text_is_packed_for_those_who_take_it(api: Api, built: Path) -> None:
    packed = api.client.get("/sw.js", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == SCRIPT
    assert int(packed.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), 9, mtime=0))
    for taken in ("", "br", "gzip;q=0"):
        plain = api.client.get("/sw.js", headers={"Accept-Encoding": taken})
        assert "content-encoding" not in plain.headers
        assert plain.headers["vary"] == "Accept-Encoding"
        assert plain.text == SCRIPT
    picture = api.client.get("/assets/icon.png", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in picture.headers


def test_what_a_browser_has_already_is_not_sent_again(api: Api, built: Path) -> None:
    tag = api.client.get("/").headers["etag"]
    again = api.client.get("/", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"
    (built / "index.html").write_text("<!doctype html><title>built anew</title>")
    anew = api.client.get("/", headers={"If-None-Match": tag})
    assert anew.status_code == 200
    assert "built anew" in anew.text


def test_the_policy_lets_in_the_tiles_and_no_script_from_elsewhere(
    world: World, built: Path
) -> None:
    tiles = "https://{s}.tiles.example:8443/{z}/{x}/{y}.png?key=abc"
    world.services.settings = replace(world.services.settings, tiles_url=tiles)
    with TestClient(create_app(world.services), base_url=ORIGIN) as client:
        said = client.get("/").headers["content-security-policy"]
    parts = dict(part.split(" ", 1) for part in said.split("; "))
    assert parts == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: https://*.tiles.example:8443",
        "connect-src": "'self' https: http://127.0.0.1:* http://localhost:*",
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "font-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert "img-src 'self' data: https://t.example;" in policy("https://t.example/{z}/{x}/{y}")
    assert "img-src 'self' data: https:;" in policy("https://t-{s};x.example/{z}")


def test_the_app_is_there_while_the_database_is_away(api: Api, world: World, built: Path) -> None:
    with hanging_database(world):
        assert "<title>app</title>" in api.client.get("/").text


@pytest.mark.parametrize("path", ["/", "/lease/0x12", "/owner/register"])
def test_where_it_is_not_built_its_page_says_how(api: Api, path: str) -> None:
    answer = api.client.get(path)
    assert answer.status_code == 200
    assert "make dapp" in answer.text
    assert 'href="/live?lang=en"' in answer.text
    assert "make dapp" in api.client.get(path, headers={"Accept-Language": "zh"}).text
    nowhere = api.client.get("/owner/x/y", headers=BROWSER)
    assert nowhere.status_code == 404
    assert "make dapp" in nowhere.text
    check_problem(api.client.get("/sw.js"))
