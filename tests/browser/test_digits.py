"""The page of samples/digits in a browser: of an origin that may ask, of one that may not, and on a phone."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from selenium import webdriver

    from tests.conftest import Served

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "digits"
WITHIN_S = 20
PHONE = {"width": 375, "height": 740, "deviceScaleFactor": 2, "mobile": True}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files, without a line for each."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The origin of a server of the sample's folder."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SAMPLE)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


class Paper:
    """The page, which asks a service."""

    def __init__(self, driver: webdriver.Chrome, site: str, served: Served) -> None:
        self.driver = driver
        driver.get_log("browser")  # what earlier pages left
        driver.get(f"{site}/page.html?" + urlencode({"service": f"http://localhost:{served.port}"}))

    def draw_a_one(self, pointer: str = interaction.POINTER_MOUSE) -> None:
        """Draw a vertical line through the middle of the paper."""
        paper = self.driver.find_element(By.ID, "paper")
        hand = ActionChains(self.driver, duration=50, devices=[PointerInput(pointer, pointer)])
        hand.move_to_element_with_offset(paper, 0, -95).click_and_hold()
        for down in 0, 95:
            hand.move_to_element_with_offset(paper, 0, down)
        hand.release().perform()

    def ask(self) -> str:
        """Press the button; what the page says then."""
        self.driver.find_element(By.ID, "score").click()
        WebDriverWait(self.driver, WITHIN_S).until(lambda _: self.answer)
        return self.answer

    @property
    def answer(self) -> str:
        return str(self.driver.find_element(By.ID, "answer").text)

    def log(self) -> str:
        """What the browser has complained of."""
        return "\n".join(line["message"] for line in self.driver.get_log("browser") if "favicon" not in line["message"])


@pytest.fixture
def paper(chromium: webdriver.Chrome, site: str, start: Callable[..., Served]) -> Iterator[Callable[..., Paper]]:
    """paper(origins): the page, with a service that these origins may ask."""
    started: list[Served] = []

    def paper(origins: str) -> Paper:
        started.append(start(SAMPLE, SCORINGHOST_CORS_ORIGINS=origins).wait_ready())
        return Paper(chromium, site, started[-1])

    yield paper
    for served in started:
        served.kill()
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_a_digit_that_is_drawn_is_recognised(paper: Callable[..., Paper], site: str) -> None:
    page = paper(site)
    page.draw_a_one()
    assert re.fullmatch(r"A 1 \(\d+ %\)", page.ask())
    assert page.log() == ""
    page.driver.find_element(By.ID, "clear").click()
    assert page.answer == ""


def test_a_page_of_another_origin_gets_no_answer(paper: Callable[..., Paper]) -> None:
    page = paper("http://localhost:8000")  # as config.json has it; the page is on another port
    page.draw_a_one()
    assert page.ask().startswith("no answer: ")
    assert "blocked by CORS policy" in page.log()


def test_on_a_phone_the_page_fits_and_a_finger_draws(
    paper: Callable[..., Paper], site: str, chromium: webdriver.Chrome
) -> None:
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    chromium.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    page = paper(site)
    page.draw_a_one(interaction.POINTER_TOUCH)
    assert page.ask().startswith("A 1 ")
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= PHONE["width"]
    heights = chromium.execute_script("return [...document.querySelectorAll('button')].map(b => b.offsetHeight)")
    assert min(heights) >= 44  # large enough for a thumb
