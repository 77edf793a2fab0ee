"""The page at /docs in a browser: prefilled, executed, on a phone, and without the host."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

if TYPE_CHECKING:
    from selenium import webdriver

    from tests.conftest import Served

SCRIPTS = Path(__file__).parent / "scripts"
SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "diabetes"
WITHIN_S = 20
PHONE = {"width": 375, "height": 740, "deviceScaleFactor": 2, "mobile": True}


class Page:
    """The page of one service."""

    def __init__(self, driver: webdriver.Chrome, served: Served) -> None:
        self.driver, self.served = driver, served
        driver.get_log("browser")  # what earlier pages left
        driver.get(f"http://127.0.0.1:{served.port}/docs")
        self.until(lambda: self.text("state") == "ready" and self.text("name") != "…")

    def element(self, name: str) -> Any:
        return self.driver.find_element(By.ID, name)

    def text(self, name: str) -> str:
        return str(self.element(name).text)

    def until(self, condition: Callable[[], bool]) -> None:
        WebDriverWait(self.driver, WITHIN_S).until(lambda _: condition())

    def write(self, name: str, text: str) -> None:
        self.element(name).clear()
        self.element(name).send_keys(text)

    def execute(self) -> str:
        """Press the button; the line that sums up the response."""
        self.element("execute").click()
        self.until(lambda: bool(self.element("execute").is_enabled()) and "Waiting" not in self.text("summary"))
        return self.text("summary")


@pytest.fixture
def page(chromium: webdriver.Chrome, start: Callable[..., Served]) -> Iterator[Callable[..., Page]]:
    """page(script, *flags): the page of a service that serves it."""
    started: list[Served] = []

    def page(script: Path, *flags: str) -> Page:
        started.append(start(script, *flags).wait_ready())
        return Page(chromium, started[-1])

    yield page
    for served in started:
        served.kill()
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_sample_is_filled_in_and_executed(page: Callable[..., Page], tmp_path: Path) -> None:
    shown = page(SAMPLE)
    assert str(SAMPLE / "model") in shown.text("facts")
    request = json.loads((SAMPLE / "request.json").read_text())
    assert json.loads(shown.element("body").get_attribute("value")) == request
    assert shown.execute().startswith("200 OK")
    assert json.loads(shown.text("answer")) == pytest.approx([207.309, 70.234], abs=0.01)
    assert shown.driver.get_log("browser") == []


def test_a_refusal_is_shown_with_its_reason(page: Callable[..., Page]) -> None:
    shown = page(SAMPLE)
    shown.write("body", '{"data": [[1]]}')
    assert shown.execute().startswith("400 Bad Request")
    assert "parameter 'data'" in shown.text("answer")
    shown.element("reset").click()
    assert shown.execute().startswith("200 OK")


def test_on_a_phone_nothing_is_cut_off(page: Callable[..., Page]) -> None:
    shown = page(SAMPLE)
    shown.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    assert shown.execute().startswith("200 OK")
    assert shown.driver.execute_script("return document.documentElement.scrollWidth") <= 375
    heights = shown.driver.execute_script("return [...document.querySelectorAll('button')].map(b => b.offsetHeight)")
    assert min(heights) >= 44  # large enough for a thumb


# BUG: the field that chooses a file was wider than the screen.
def test_on_a_phone_nothing_of_an_upload_is_cut_off(page: Callable[..., Page]) -> None:
    shown = page(SCRIPTS / "mirror.py")
    shown.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    shown.driver.find_element(By.CSS_SELECTOR, "input[value=file]").click()
    assert shown.driver.execute_script("return document.documentElement.scrollWidth") <= 375


def test_a_script_without_a_schema_is_sent_text_and_its_stream_is_shown(page: Callable[..., Page]) -> None:
    shown = page(SCRIPTS / "words.py")
    shown.write("body", "one two three")
    assert shown.execute().startswith("200 OK")
    assert shown.text("answer").split() == ["one", "two", "three"]


def test_a_file_goes_up_and_an_image_is_shown(page: Callable[..., Page], tmp_path: Path) -> None:
    shown = page(SCRIPTS / "mirror.py")
    picture = tmp_path / "shot.png"
    shown.driver.save_screenshot(str(picture))
    shown.driver.find_element(By.CSS_SELECTOR, "input[value=file]").click()
    assert shown.execute() == "Choose a file first."
    shown.element("file").send_keys(str(picture))
    assert shown.element("content-type").get_attribute("value") == "image/png"
    shown.write("query", "size=8")
    assert shown.execute().endswith(f"{picture.stat().st_size} bytes")
    shown.until(lambda: int(shown.element("image").get_property("naturalWidth")) > 0)
    assert "x-query: size=8" in shown.element("headers").get_attribute("textContent")


def test_a_file_goes_up_as_the_field_of_a_form(page: Callable[..., Page], tmp_path: Path) -> None:
    shown = page(SCRIPTS / "mirror.py")
    note = tmp_path / "note.txt"
    note.write_text("in a form", encoding="utf-8")
    shown.driver.find_element(By.CSS_SELECTOR, "input[value=file]").click()
    shown.element("file").send_keys(str(note))
    shown.write("field", "picture")
    assert shown.execute().startswith("200 OK")
    assert shown.text("answer") == "in a form"
    assert "x-fields: picture" in shown.element("headers").get_attribute("textContent")


def test_a_raw_request_of_another_method(page: Callable[..., Page]) -> None:
    shown = page(SCRIPTS / "mirror.py")
    Select(shown.element("method")).select_by_visible_text("GET")
    shown.write("query", "?a=b")
    assert shown.execute().startswith("200 OK")
    assert "x-query: a=b" in shown.element("headers").get_attribute("textContent")


def test_a_host_that_is_gone_is_said_to_be(page: Callable[..., Page]) -> None:
    shown = page(SAMPLE)
    shown.served.kill()
    assert shown.execute().startswith("No answer")
    shown.until(lambda: shown.text("state") == "not reached")
