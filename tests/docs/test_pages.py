"""The pages say what the code says: every setting and every status; and they load nothing from the network."""

from __future__ import annotations

import importlib.util
import re
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scoringhost.errors import StartupError
from scoringhost.http.errors import ROWS
from scoringhost.settings import PREFIX, SPECS, Settings

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    """The module that MkDocs takes its tables from."""
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def settings_page(hooks: ModuleType) -> str:
    """The page on settings as it is rendered."""
    return str(hooks.on_page_markdown((DOCS / "pages" / "settings.md").read_text(encoding="utf-8")))


# -- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPECS)
def test_every_setting_has_one_row_with_its_help_and_all_its_names(settings_page: str, name: str) -> None:
    spec = SPECS[name]
    (row,) = [line for line in settings_page.splitlines() if line.startswith(f"| `{name}`{{")]
    assert spec.help in row
    names = [*spec.flags, PREFIX + name.upper(), *spec.azure]
    assert [one for one in names if f"`{one}`" not in row] == []


def test_a_default_is_shown_as_it_would_be_typed(settings_page: str) -> None:
    assert re.search(r"^\| `port`.*\| `5001` \|", settings_page, re.MULTILINE)
    assert re.search(r"^\| `docs`.*\| true \|", settings_page, re.MULTILINE)


def test_a_setting_whose_value_is_never_shown_is_called_a_secret(settings_page: str) -> None:
    hush: Any = "hush"
    secret = [name for name in SPECS if "hush" not in str(Settings(**{name: hush}).describe())]
    assert sorted(secret) == ["app_insights_key", "ldap_query_password", "primary_key", "secondary_key"]
    rows = [line for line in settings_page.splitlines() if "A secret" in line]
    assert sorted(row.split("`")[1] for row in rows) == sorted(secret)


def test_every_setting_stands_in_a_section_of_its_kind(hooks: ModuleType) -> None:
    listed = [name for names in hooks.GROUPS.values() for name in names]
    assert sorted(listed) == sorted(SPECS)
    assert sorted(set(hooks.NOTES) - set(SPECS)) == []


# -- statuses -------------------------------------------------------------------------------------


def test_the_page_on_errors_has_a_row_for_every_status_and_no_other() -> None:
    page = (DOCS / "pages" / "endpoints.md").read_text(encoding="utf-8")
    described = [int(status) for status in re.findall(r"^\| (\d{3}) \|", page, re.MULTILINE)]
    assert described == sorted({row.http for row in ROWS if not issubclass(row.error, StartupError)})


# -- the site -------------------------------------------------------------------------------------


class Loads(HTMLParser):
    """Collects the addresses that a browser fetches by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attrs)
        if "src" in given:
            self.addresses.append(given["src"])
        if tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload", "preconnect"):
            self.addresses.append(given["href"])


@pytest.mark.drill
@pytest.mark.slow
def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("material", reason="the site is made by mkdocs-material: pip install '.[docs]'")
    from click.testing import CliRunner
    from mkdocs.__main__ import cli

    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    options = ["build", "--strict", "-f", str(DOCS / "mkdocs.yml"), "--site-dir", str(tmp_path / "site")]
    built = CliRunner().invoke(cli, options)
    assert built.exit_code == 0, built.output
    loads = Loads()
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 10
    for page in pages:
        loads.feed(page.read_text(encoding="utf-8"))
    assert len(loads.addresses) > len(pages)
    assert [address for address in loads.addresses if re.match(r"(\w+:)?//", address)] == []


# -- MLServer's promises ----------------------------------------------------------------------------


def test_every_test_that_shows_a_promise_is_there() -> None:
    page = (DOCS / "pages" / "mlserver-promises.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:unit|live|conformance|mlflow_folders)/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 40
    for file, test in named:
        assert f"def {test}" in (DOCS.parent / "tests" / file).read_text(encoding="utf-8"), f"{file}::{test}"
