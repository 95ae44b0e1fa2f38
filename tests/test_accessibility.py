"""The pages in a real browser: axe finds nothing, the keyboard reaches all, and nothing is wider than the screen."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from browsing import BROWSING, served
from conftest import REPOSITORY

AXE = REPOSITORY / ".cache" / "axe" / "axe.min.js"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
"""Of axe.min.js in axe-core 4.14.1 (npm)."""

pytestmark = [
    *BROWSING,
    pytest.mark.skipif(not AXE.is_file(), reason="no axe-core (npm); .ci/extended brings it"),
]

KINDS = (
    "index",
    "articles",
    "article/a001",
    "things",
    "id/china",
    "vocabularies",
    "ns",
    "topic",
    "shapes",
    "queries",
    "query/claims",
    "data",
    "pictures",
    "search",
    "ask",
)
"""A page of each kind."""
VIOLATIONS = """async () => {
  const {violations} = await axe.run(document, {resultTypes: ['violations']});
  return violations.map(one => one.id + ': ' + one.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(' | '));
}"""


@pytest.fixture(scope="module")
def address(frozen: Path) -> Iterator[str]:
    with served(frozen / "out") as address:
        yield address


@pytest.mark.parametrize(
    ("language", "scheme", "width"), [("en", "light", 1280), ("fr", "dark", 390), ("zh", "light", 390)]
)
def test_axe_finds_nothing_and_no_page_is_wider_than_the_screen(
    browser: Any, address: str, frozen: Path, language: str, scheme: str, width: int
) -> None:
    source = AXE.read_text("utf-8")
    assert hashlib.sha256(source.encode()).hexdigest() == SHA256
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page, wrong = context.new_page(), []
    for kind in KINDS:
        path = f"{kind}.html" if language == "en" else f"{kind}.{language}.html"
        assert (frozen / "out" / path).is_file(), path
        page.goto(address + path)
        page.evaluate(source)
        wrong += [f"{path}: {one}" for one in page.evaluate(VIOLATIONS)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        wrong += [f"{path}: {wide} wide"] if wide > width else []
    context.close()

    assert wrong == []


def test_the_keyboard_alone_reaches_every_link_in_the_order_of_the_page(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}article/a001.html")
    count = page.evaluate("document.querySelectorAll('a[href], input, button, [tabindex=\"0\"]').length")
    page.evaluate(
        "window.seen = []; document.addEventListener('focusin', event => seen.push("
        "[...document.querySelectorAll('a[href], input, button, [tabindex=\"0\"]')].indexOf(event.target)))"
    )
    for _ in range(count):
        page.keyboard.press("Tab")
    seen = page.evaluate("seen")
    context.close()

    assert count > 50
    assert seen == list(range(count))


CUT = """() => {
  const width = document.documentElement.clientWidth;
  const boxes = [...document.querySelectorAll('body *')].filter(one => !one.closest('.wide, pre, .skip, .yasgui, svg'));
  return [document.documentElement.scrollWidth > width ? 'the page scrolls sideways' : '', ...boxes.map(one => {
    const {left, right, width: own} = one.getBoundingClientRect();
    const hidden = getComputedStyle(one).overflowX !== 'visible' && one.scrollWidth > one.clientWidth + 1;
    return own && (right > width + 1 || left < -1 || hidden) ? one.outerHTML.slice(0, 80) : '';
  })].filter(one => one);
}"""
"""What leaves the screen, or is cut off at the edge of its box; but for tables and code, which scroll by themselves."""


@pytest.mark.parametrize(("language", "width"), [("en", 320), ("fr", 640), ("zh", 320)])
def test_nothing_is_cut_when_letters_are_twice_or_four_times_as_large(
    browser: Any, address: str, language: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 512}, device_scale_factor=2)
    page, wrong = context.new_page(), []
    for kind in KINDS:
        page.goto(address + (f"{kind}.html" if language == "en" else f"{kind}.{language}.html"))
        wrong += [f"{kind}: {one}" for one in page.evaluate(CUT)]
    context.close()

    assert wrong == []


def test_a_screen_reader_meets_the_menu_before_the_text_and_headings_of_every_depth_in_turn(
    browser: Any, address: str
) -> None:
    context = browser.new_context()
    page, wrong = context.new_page(), []
    for kind in KINDS:
        page.goto(f"{address}{kind}.html")
        read = page.locator("body").aria_snapshot()
        landmarks = re.findall(r"^- (link|banner|main|contentinfo)\b", read, re.MULTILINE)
        text = read.partition("\n- main:")[2]
        depths = [int(depth) for depth in re.findall(r"^ *- heading .*\[level=(\d)\]", text, re.MULTILINE)]
        nameless = re.findall(
            r"^ *- ((?:link|button|img|searchbox|textbox|combobox|region)(?::| \[|$))", read, re.MULTILINE
        )
        wrong += [f"{kind}: {landmarks}"] if landmarks != ["link", "banner", "main", "contentinfo"] else []
        wrong += [f"{kind}: {depths}"] if depths[:1] != [1] or depths.count(1) != 1 else []
        wrong += [f"{kind}: {a} then {b}" for a, b in pairwise(depths) if b > a + 1]
        wrong += [f"{kind}: {one} without a name" for one in nameless]
    context.close()

    assert wrong == []


def test_on_paper_the_menu_is_left_out(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}article/a001.html")
    page.emulate_media(media="print")
    shown = page.evaluate("[...document.querySelectorAll('header nav')].map(one => getComputedStyle(one).display)")
    context.close()

    assert set(shown) == {"none"}
