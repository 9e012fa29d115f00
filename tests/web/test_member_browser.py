"""The member page in a real browser: no accessibility violation in either colour scheme at either width, nothing of
another host, no overflow, and everything but the charts' hover without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from tests.web.browser import CHROMIUM, PATHS, SCHEMES, WIDTHS, browser, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(find_spec("axe_playwright_python") is None, reason="no browser driver is installed"),
]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMALLEST = 44
TOO_SMALL = """
(all, smallest) => all
  .filter((one) => {
    const sentence = one.closest("p");
    return !sentence || sentence.textContent.trim() === one.textContent.trim();
  })
  .filter((one) => one.getBoundingClientRect().height < smallest)
  .map((one) => one.outerHTML.slice(0, 100))
"""


@pytest.fixture(scope="module")
def links() -> Iterator[dict[str, str]]:
    with served() as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as made:
        yield made


@pytest.fixture
def addresses(links: dict[str, str]) -> dict[str, str]:
    """Every page, also of who has nothing, of whose name is hostile, and of who has no link."""
    found = {name: links["anna"] + path for name, path in PATHS.items()}
    others = {"empty": links["beat"], "empty profile": links["beat"] + "profile", "gone": links["gone"]}
    return found | others | {"evil": links["evil"] + "classes/evil", "evil home": links["evil"]}


def open_page(chromium: Any, *, size: str = "phone", scheme: str = "light", **more: Any) -> Any:
    width, height = WIDTHS[size]
    return chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, **more)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", WIDTHS)
def test_no_page_has_an_accessibility_violation(
    chromium: Any, addresses: dict[str, str], size: str, scheme: str
) -> None:
    """By the rules of axe-core for WCAG 2.2 AA and its good practice; also with tables open and with errors shown."""
    from axe_playwright_python.sync_playwright import Axe

    page, axe = open_page(chromium, size=size, scheme=scheme), Axe()
    options = {"runOnly": {"type": "tag", "values": RULES}}
    found: list[str] = []

    def look(name: str) -> None:
        for violation in axe.run(page, options=options).response["violations"]:
            nodes = [node["html"][:120] for node in violation["nodes"]]
            found.append(f"{name}: {violation['id']}: {nodes[:3]}")
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(f"{name}: wider than the screen")

    for name, address in addresses.items():
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        look(name)
    page.goto(addresses["profile"])
    page.fill("#weight_kg", "700")
    page.click("text=Angaben speichern")
    assert page.locator("#weight_kg").input_value() == "700"
    look("profile with an error")
    page.close()
    assert found == []


def test_nothing_of_another_host_is_asked_for_and_no_policy_is_broken(chromium: Any, addresses: dict[str, str]) -> None:
    page = open_page(chromium)
    asked: set[str] = set()
    said: list[str] = []
    page.on("request", lambda request: asked.add(request.url.split("/me/")[0]))
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append("a script of somebody's name ran"))
    for address in addresses.values():
        page.goto(address)
    page.close()
    ours = next(iter(addresses.values())).split("/me/")[0]
    assert {one for one in asked if not one.startswith("data:")} == {ours}
    # That a page is not there is said by the browser too.
    assert [text for text in said if "404" not in text] == []


@pytest.mark.parametrize("size", WIDTHS)
def test_what_is_tapped_is_large_enough(chromium: Any, addresses: dict[str, str], size: str) -> None:
    """But for links within a sentence."""
    page = open_page(chromium, size=size)
    small: list[str] = []
    for name, address in addresses.items():
        page.goto(address)
        targets = page.locator("a:not(.skip), button, summary, select, input:not([type=hidden]):not([role=switch])")
        small += [f"{name}: {one}" for one in targets.evaluate_all(TOO_SMALL, SMALLEST)]
    page.close()
    assert small == []


def test_charts_tell_the_value_under_the_pointer(chromium: Any, addresses: dict[str, str]) -> None:
    page = open_page(chromium, size="desktop")
    page.goto(addresses["trends"])
    chart = page.locator("[data-chart]").nth(1)
    latest = chart.locator("[data-readout]").inner_text()
    marks = chart.locator("[data-mark] .room")
    marks.nth(2).hover()
    pointed = chart.locator("[data-readout]").inner_text()
    assert pointed != latest
    table = chart.locator("tbody tr").all()
    when, value = (cell.text_content() for cell in table[-3].locator("th, td").all())
    assert pointed == f"{when}: {value}"
    page.mouse.move(0, 0)
    assert chart.locator("[data-readout]").inner_text() == latest
    page.close()


def test_everything_but_that_works_without_scripts(chromium: Any, addresses: dict[str, str]) -> None:
    """Charts with their tables, consent, profile, and the request to be erased."""
    page = open_page(chromium, java_script_enabled=False)
    page.goto(addresses["trends"])
    assert page.locator("svg.area").count() == 8
    assert page.locator("[data-scripted]").is_hidden()
    page.locator("summary").first.click()
    assert page.locator("table").first.is_visible()
    page.goto(addresses["empty profile"])
    page.uncheck("#show_live")
    page.locator("button").first.click()
    assert not page.locator("#show_live").is_checked()
    assert page.locator("[role=status]").is_visible()
    page.fill("#ftp_w", "211")
    page.locator("button").nth(1).click()
    assert page.locator("#ftp_w").input_value() == "211"
    page.goto(addresses["empty"] + "erase")
    page.locator("button").click()
    assert page.locator("[role=status]").is_visible()
    assert page.locator("button").count() == 0
    page.close()


def test_a_keyboard_is_enough(chromium: Any, addresses: dict[str, str]) -> None:
    """The first stop leads past the menu, what has the focus is seen, and a switch is turned by the space bar."""
    page = open_page(chromium, size="desktop")
    page.goto(addresses["profile"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "show_live"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    before = page.locator("#show_live").is_checked()
    page.keyboard.press("Space")
    assert page.locator("#show_live").is_checked() is not before
    page.close()


def test_nothing_moves_for_who_does_not_want_it(chromium: Any, addresses: dict[str, str]) -> None:
    page = open_page(chromium, reduced_motion="reduce")
    page.goto(addresses["profile"])
    slow = "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration !== '0s')"
    assert page.evaluate(f"{slow}.length") == 0
    page.close()


def test_nothing_is_lost_where_letters_are_twice_as_large(chromium: Any, addresses: dict[str, str]) -> None:
    """As on a phone whose owner has set them so, and at 400 % on a screen of 1280."""
    page = chromium.new_page(viewport={"width": 320, "height": 256})
    wide: list[str] = []
    for name, address in addresses.items():
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(name)
    assert wide == []
    assert page.evaluate("getComputedStyle(document.querySelector('.top nav')).position") == "static"
    page.close()
