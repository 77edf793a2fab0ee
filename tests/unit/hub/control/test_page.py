"""The files of the page, and who gets them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.http.messages import Headers, HttpRequest, HttpResponse
from scoringhost.hub.control import page
from tests.unit.hub.control.conftest import TOKEN, HubWorld

FOLDER = Path(page.__file__).parent
FILES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".js", ".css", ".html"))
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def get(world: HubWorld, path: str, **headers: str) -> HttpResponse:
    return await world.app.handle(HttpRequest("GET", path, b"", Headers(headers)))


def test_a_browser_gets_the_page_where_programs_are_told_what_the_hub_is(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        shown = await get(world, "/", accept=BROWSER)
        assert (shown.status, dict(shown.headers)["Vary"]) == (200, "Accept")
        assert shown.body == (await get(world, "/ui")).body == (FOLDER / "page.html").read_bytes()
        assert (await get(world, "/", accept="*/*")).status == 401
        told = await get(world, "/", accept="application/json", authorization=f"Bearer {TOKEN}")
        assert (told.status, dict(told.headers)["Content-Type"]) == (200, "application/json")

    in_hub(act)


def test_everybody_may_have_the_files_and_no_file_beside_them(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        for name in FILES:
            path = "/ui" if name == "page.html" else f"/ui/{name}"
            assert (await get(world, path)).status == 200, name
        for name in ("__init__.py", "../guard.py", "..%2fguard.py", ""):
            answer = await get(world, f"/ui/{name}")
            assert answer.status in (401, 404), name

    in_hub(act)


def test_nothing_from_elsewhere_may_be_loaded_run_or_sent_to(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        for path in ("/", "/ui", "/ui/page.js"):
            headers = dict((await get(world, path, accept=BROWSER)).headers)
            policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
            assert policy["default-src"] == "'none'"
            assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
            assert policy["require-trusted-types-for"] == "'script'"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"

    in_hub(act)


@pytest.mark.parametrize("name", FILES)
def test_no_file_makes_markup_of_texts_or_names_another_host(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert re.findall(r"https?://[^\s\"'`)]+", text) == (["http://www.w3.org/2000/svg"] if name == "dom.js" else [])
    assert len(text.splitlines()) < 300


def test_all_that_a_file_imports_is_there() -> None:
    for name in FILES:
        for imported in re.findall(r'from "\./([^"]+)"', (FOLDER / name).read_text()):
            assert imported in FILES, (name, imported)
