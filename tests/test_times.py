"""The first and last day of each form of time that news needs, beside those of the library; and what is refused."""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, QueryTriples, Store

from spacecoop import publish, workspace

REPOSITORY = Path(__file__).parent.parent
RULE = (REPOSITORY / "queries" / "derive" / "time-bounds.rq").read_text("utf-8")
NS = "https://w3id.org/spacecoop/ns#"
BOTH = [
    "2025",
    "2025-03",
    "2024-02",
    "2025-02",
    "1900-02",
    "2000-02",
    "2025-04",
    "2025-03-04",
    "2019-03-25T17:14:06Z",
    "2025-33",
    "2025-34",
    "2025-35",
    "2025-36",
    "2026-40",
    "2026-41",
    "2026-21",
    "2026-22",
    "2026-23",
    "2026-24",
    "203X",
    "20XX",
    "2035~",
    "2028?",
    "2028%",
    "2025-03~",
    "2025-03-04?",
    "2023/2024",
    "2018-10/2019-02",
    "2024-02~/2024-03?",
    "2026-24/2027-21",
    "../2030",
    "../2030~",
    "../2022-12-31",
    "2026/..",
    "2030~/..",
    "2026-03/..",
    "[2023,2024]",
    "[2023..2025]",
    "[2023,2025..]",
    "[..2024]",
    "[2024-05,2024-07-03]",
    "{2023,2024}",
]
OURS = {
    "2025-33~": ("2025-01-01", "2025-03-31"),
    "2025-33/2025-34": ("2025-01-01", "2025-06-30"),
    "203X/..": ("2030-01-01", ""),
    "../203X": ("", "2039-12-31"),
    "../2026-36": ("", "2026-12-31"),
    "/2021": ("", "2021-12-31"),
    "2021/": ("2021-01-01", ""),
    "[2026-23,2027-21]": ("2026-09-01", "2027-05-31"),
}
"""What the library cannot read, or reads as ten years where the start or the end is unknown."""
REFUSED = (
    "soon",
    "Q4 2025",
    "2025-Q4",
    "autumn 2026",
    "early 2030s",
    "2030s",
    "2025-13",
    "2025-20",
    "2025-25",
    "2025-32",
    "2025-37",
    "2025-42",
    "2025-00",
    "2025-02-29",
    "2025-04-31",
    "2025-33-01",
    "2026-23-05",
    "../..",
    "/",
    "..",
    "2025-XX",
    "20X5",
    "[2023",
    "2023,2024",
    "2023..2024",
    "~2035",
    "2026/..~",
)


FORMS = {
    ("XXXX-36", "2025-36"): True,
    ("XXXX-36", "2025-35"): False,
    ("203X", "203X"): True,
    ("203X", "2034"): True,
    ("203X", "204X"): False,
    ("2035~", "2035"): True,
    ("../2022", "../2022-12-31"): True,
    ("../2022", "2022"): False,
    ("../2022", "20/2022"): False,
    ("[2026,2028]", "[2026,2028]"): True,
    ("[2026,2028]", "[2026-03,2028]"): True,
    ("[2026,2028]", "[2026,2027]"): False,
    ("[2026..2028]", "[2026..2028]"): True,
    ("2026", "2026/2027"): False,
}
"""Stated and resolved, and whether they agree."""


def derive_bounds(form: str) -> tuple[str, str]:
    store = Store()
    subject = NamedNode("http://example.org/time")
    store.add(Quad(subject, NamedNode(f"{NS}resolvedForm"), Literal(form)))
    triples = store.query(RULE)
    assert isinstance(triples, QueryTriples)
    found = {triple.predicate.value: triple.object.value for triple in triples}
    return found.get(f"{NS}earliest", ""), found.get(f"{NS}latest", "")


def read_bounds(form: str) -> tuple[str, str]:
    parsed = importlib.import_module("edtf").parse_edtf(form)
    first, last = (
        time.strftime("%Y-%m-%d", bound) if isinstance(bound, time.struct_time) else ""
        for bound in (parsed.lower_strict(), parsed.upper_strict())
    )
    return first, last


def judge(small: Path, times: Sequence[tuple[str, str]]) -> dict[tuple[str, str], set[str]]:
    """By stated and resolved form, the rules that a launch of that time breaks; all in one article."""
    article = small / "articles" / "example.yaml"
    text = article.read_text("utf-8")
    lines = text[: text.index("    time: {")].splitlines()
    places = {}
    for number, (stated, resolved) in enumerate(times):
        if number:
            lines += [f"  - id: this:launch-{number}", "    type: Milestone", "    kind: launch"]
            lines += [f"    label: {{en: Launch {number}, fr: Lancement {number}}}", "    concerns: example-sat"]
        lines.append(f"    time: {{stated: '{stated}', resolved: '{resolved}'}}")
        places[len(lines)] = (stated, resolved)
    article.write_text("\n".join(lines) + "\n", "utf-8")
    broken: dict[tuple[str, str], set[str]] = {time: set() for time in times}
    for one in publish.validate(workspace.read(small), [article], "fast"):
        if (time := places.get(int(one.line("en").split(":")[1]))) is not None:
            broken[time].add(one.rule)
    return broken


@pytest.mark.parametrize("form", BOTH)
def test_the_bounds_are_those_of_the_library(form: str) -> None:
    assert derive_bounds(form) == read_bounds(form)


@pytest.mark.parametrize("form", OURS)
def test_the_bounds_are_right_where_the_library_has_none(form: str) -> None:
    assert derive_bounds(form) == OURS[form]


def test_each_form_that_news_needs_is_taken(small: Path) -> None:
    broken = judge(small, [(form.split("T")[0], form) for form in [*BOTH, *OURS]])
    assert {time: rules for time, rules in broken.items() if rules} == {}


def test_each_form_that_no_calendar_has_is_refused(small: Path) -> None:
    broken = judge(small, [(form, form) for form in REFUSED])
    rules = {"StatedTime-resolved", "StatedTime-resolved-calendar"}
    assert [time for time, found in broken.items() if not found & rules] == []


def test_the_two_forms_of_a_time_agree(small: Path) -> None:
    broken = judge(small, list(FORMS))
    assert {time: "FormsAgree" not in found for time, found in broken.items()} == FORMS


def test_the_message_shows_the_form_for_what_was_meant(small: Path) -> None:
    judge(small, [("Q4 2025", "autumn 2026")])
    found = publish.validate(workspace.read(small), [small / "articles" / "example.yaml"], "fast")
    for rule in ("StatedTime-stated", "StatedTime-resolved"):
        for language, words in (("en", ("Q4 2025", "autumn 2026")), ("fr", ("T4 2025", "automne 2026"))):
            said = " ".join(one.line(language) for one in found if one.rule == rule)
            assert all(word in said for word in (*words, "2025-36", "2026-23", "203X"))
