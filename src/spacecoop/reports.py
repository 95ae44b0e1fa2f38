"""Findings in, a report out: for people, for editors, for continuous integration, for RDF tools."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from spacecoop.findings import Finding, Severity, as_data, choose_text, visible
from spacecoop.iris import is_iri
from spacecoop.messages import Words

PACKED = (".gz", ".parquet")
"""Endings of files whose bytes are not what a reader would see."""
LONGEST = 8_000_001
"""Bytes of a line, with its end, from which on it is not shown."""
WIDEST = 240
"""Signs of a line that are shown."""


@dataclass(frozen=True)
class Report:
    """What is to be reported, and how."""

    findings: Sequence[Finding]
    """Sorted by place."""
    language: str
    root: Path
    """The folder that the findings' files are relative to."""
    more: int = 0
    """How many findings were left out."""


def text(report: Report) -> str:
    """Return the findings as compilers show them: the line, a caret, what was found, what would help."""
    sources = _sources(report)
    shown = (f"{visible(_show(found, report, sources))}\n" for found in report.findings)
    return f"{''.join(shown)}{summary(report)}\n"


def _show(found: Finding, report: Report, sources: Mapping[tuple[str, int], str]) -> str:
    word, message = choose_text(found.severity.word, report.language), choose_text(found.message, report.language)
    lines = [f"{found.place}: {word}: {message} [{found.rule}]"]
    hidden = found.rule == "outside"  # what is not read is not shown either
    source, column = _around("" if hidden else sources.get(_key(found), ""), found.place.column - 1)
    if source.strip():
        gutter = f"{found.place.line:>6} | "
        before = "".join(sign if sign == "\t" else " " * _width(sign) for sign in source[:column])
        caret = "^" * max(1, _token(source[column:]))
        lines += [f"{gutter}{source}", f"{' ' * (len(gutter) - 2)}| {before}{caret}"]
    words = [Words(one).text(report.language) for one in ("found", "help", "because")]
    if found.value and found.value not in source and found.value != found.result.get("focus"):
        lines.append(f"       = {words[0]}: {_short(found.value)}")
    lines += [f"       = {words[2]}: {choose_text(cause, report.language)}" for cause in found.because]
    if advice := choose_text(found.help, report.language):
        lines.append(f"       = {words[1]}: {advice}")
    return "\n".join(lines)


def _key(found: Finding) -> tuple[str, int]:
    return found.place.file, found.place.line


def _sources(report: Report) -> dict[tuple[str, int], str]:
    """Return the lines that the findings tell of; each file is read once, and never whole: it may hold a million."""
    wanted: dict[str, set[int]] = {}
    for found in report.findings:
        wanted.setdefault(found.place.file, set()).add(found.place.line)
    return {
        (file, number): line for file, numbers in wanted.items() for number, line in _read(report.root / file, numbers)
    }


def _read(path: Path, numbers: Collection[int]) -> Iterator[tuple[int, str]]:
    """Yield those lines of a file of text; nothing of a line that is too long to be shown, or no text."""
    if not path.is_file() or path.suffix in PACKED:
        return
    number, whole, last = 0, True, max(numbers)
    try:
        with path.open("rb") as stream:
            while number <= last and (data := stream.readline(LONGEST)):
                number += whole
                begins, whole = whole, data.endswith(b"\n")
                if begins and number in numbers and len(data) < LONGEST:
                    with contextlib.suppress(UnicodeDecodeError):
                        yield number, data.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except OSError:
        return


def _around(line: str, column: int) -> tuple[str, int]:
    """Return a line, cut to what stands around a column where it is long, and that column in it.

    >>> _around("short", 3)
    ('short', 3)
    """
    if len(line) <= WIDEST:
        return line, column
    start = max(0, min(column, len(line)) - WIDEST // 2)
    cut = line[start : start + WIDEST]
    end = "…" if start + WIDEST < len(line) else ""
    return f"…{cut}{end}" if start else f"{cut}{end}", column - start + (start > 0)


def _token(rest: str) -> int:
    """Return how many columns the word at the beginning of *rest* takes."""
    if rest[:1] in ("'", '"'):
        end = rest.find(rest[0], 1)
        return end + 1 if end > 0 else 1
    word = re.split(r"[,}\]#]|: ", rest, maxsplit=1)[0].rstrip(": ")
    return sum(_width(sign) for sign in word)


def _width(sign: str) -> int:
    from wcwidth import wcwidth

    return max(0, wcwidth(sign))


def _short(value: str) -> str:
    return value if len(value) <= 120 else f"{value[:117]}..."


def summary(report: Report) -> str:
    """Return how many findings there are of each severity and rule."""
    if not report.findings:
        return Words("no findings").text(report.language)
    rows = Counter((-found.severity, found.rule) for found in report.findings)
    counts = Counter(found.severity for found in report.findings)
    total = ", ".join(
        f"{counts[one]} {choose_text(one.word, report.language)}{'s' * (counts[one] > 1)}"
        for one in sorted(counts, reverse=True)
    )
    by_rule = ", ".join(f"{rule} {count}" for (_, rule), count in sorted(rows.items()))
    left = Words("; {} more not shown", report.more).text(report.language)
    return f"{total} ({by_rule}){left if report.more else ''}"


def as_json(report: Report) -> str:
    """Return the findings as JSON, with their texts in every language."""
    return json.dumps([as_data(found) for found in report.findings], ensure_ascii=False, indent=1) + "\n"


def as_json_lines(report: Report) -> str:
    """Return the findings as JSON Lines: each is a line, with its texts in every language."""
    return "".join(f"{json.dumps(as_data(found), ensure_ascii=False)}\n" for found in report.findings)


def sarif(report: Report) -> str:
    """Return the findings as a SARIF 2.1.0 log, which code hosts and editors show in place."""
    levels = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.VIOLATION: "error"}
    rules = sorted({found.rule for found in report.findings})
    run = {
        "tool": {
            "driver": {
                "name": "spacecoop",
                "rules": [{"id": rule} for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            {
                "ruleId": found.rule,
                "ruleIndex": rules.index(found.rule),
                "level": levels[found.severity],
                "message": {"text": _tell(found, report.language)},
                "locations": [
                    {
                        "physicalLocation": {
                            "artifactLocation": {"uri": found.place.file.replace(" ", "%20")},
                            "region": {"startLine": found.place.line, "startColumn": found.place.column},
                        }
                    }
                ],
            }
            for found in report.findings
        ],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=1) + "\n"


def _sentence(found: Finding, language: str) -> str:
    advice = choose_text(found.help, language)
    return choose_text(found.message, language) + (f"; {advice}" if advice else "")


def _tell(found: Finding, language: str) -> str:
    """Return the sentence, and a line for each cause."""
    because = Words("because").text(language)
    return "\n".join(
        [_sentence(found, language), *(f"{because}: {choose_text(cause, language)}" for cause in found.because)]
    )


def github(report: Report) -> str:
    """Return the findings as workflow commands, which GitHub shows beside the lines."""
    commands = {Severity.INFO: "notice", Severity.WARNING: "warning", Severity.VIOLATION: "error"}

    def escape(value: str, also: str = "") -> str:
        value = "\n".join(visible(line) for line in value.splitlines())
        signs = {"%": "%25", "\r": "%0D", "\n": "%0A"} | {sign: f"%{ord(sign):02X}" for sign in also}
        for sign, code in signs.items():
            value = value.replace(sign, code)
        return value

    return "".join(
        f"::{commands[found.severity]} file={escape(found.place.file, ':,')},line={found.place.line},"
        f"col={found.place.column},title={escape(found.rule, ':,')}::{escape(_tell(found, report.language))}\n"
        for found in report.findings
    )


def junit(report: Report) -> str:
    """Return the findings as JUnit XML, a test case for each file that has any; only violations fail."""
    files = sorted({found.place.file for found in report.findings})
    failed = {found.place.file for found in report.findings if found.severity is Severity.VIOLATION}
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuite name="spacecoop validate" tests="{len(files)}" failures="{len(failed)}">')
    for file in files:
        lines.append(f'  <testcase name={quoteattr(file)} classname="spacecoop.validate">')
        here = [found for found in report.findings if found.place.file == file]
        told = "\n".join(_lines(found, report.language) for found in here)
        kind = "failure" if file in failed else "system-out"
        message = f" message={quoteattr(_sentence(here[0], report.language))}" if file in failed else ""
        lines.append(f"    <{kind}{message}>{_escape(told)}</{kind}>")
        lines.append("  </testcase>")
    return visible("\n".join([*lines, "</testsuite>"])) + "\n"


def _lines(found: Finding, language: str) -> str:
    causes = _tell(found, language).splitlines()[1:]
    return "\n".join([found.line(language), *(f"  {cause}" for cause in causes)])


def _escape(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape(text)


def turtle(report: Report) -> str:
    """Return the findings as a ``sh:ValidationReport`` in Turtle (SHACL 1.0, section 3.6).

    What the reader found before SHACL could look has its place in the source as focus node.
    """
    lines = ["@prefix sh: <http://www.w3.org/ns/shacl#> .", "", "[] a sh:ValidationReport ;"]
    conforms = not any(found.severity is Severity.VIOLATION for found in report.findings)
    lines.append(f"  sh:conforms {str(conforms).lower()}{' ;' if report.findings else ' .'}")
    for number, found in enumerate(report.findings, 1):
        component = found.result.get("component") or f"urn:spacecoop:rule:{found.rule}"
        said_ = [
            f"sh:focusNode {_term(found.result.get('focus') or str(found.place))}",
            f"sh:resultSeverity sh:{found.severity.name.capitalize()}",
            f"sh:sourceConstraintComponent {_term(component)}",
        ]
        if is_iri(found.result.get("path", "")):
            said_.append(f"sh:resultPath {_term(found.result['path'])}")
        said_ += [f"{key} {_term(found.result[name])}" for key, name in _TERMS if found.result.get(name)]
        messages = {language: _sentence(found, language) for language in found.message}
        said_ += [f"sh:resultMessage {json.dumps(text, ensure_ascii=False)}@{one}" for one, text in messages.items()]
        said_ += [f"sh:detail {_detail(found, cause)}" for cause in found.because]
        end = " ." if number == len(report.findings) else " ;"
        lines.append("  sh:result [\n    a sh:ValidationResult ;\n    " + " ;\n    ".join(said_) + f"\n  ]{end}")
    return "\n".join(lines) + "\n"


def _detail(found: Finding, cause: Mapping[str, str]) -> str:
    """Return one cause as a result inside of a result (SHACL 1.0, section 3.6.2.7)."""
    texts = ", ".join(f"{json.dumps(text, ensure_ascii=False)}@{one}" for one, text in cause.items())
    focus = found.result.get("value") or found.result.get("focus") or str(found.place)
    component = found.result.get("component") or f"urn:spacecoop:rule:{found.rule}"
    severity = found.severity.name.capitalize()
    return (
        f"[ a sh:ValidationResult ; sh:focusNode {_term(focus)} ; sh:resultSeverity sh:{severity}"
        f" ; sh:sourceConstraintComponent {_term(component)} ; sh:resultMessage {texts} ]"
    )


_TERMS = (("sh:value", "value"), ("sh:sourceShape", "shape"))


def _term(value: str) -> str:
    return (
        f"<{value}>"
        if (is_iri(value) and "://" in value) or value.startswith("urn:")
        else json.dumps(value, ensure_ascii=False)
    )


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "text": text,
    "json": as_json,
    "jsonl": as_json_lines,
    "sarif": sarif,
    "github": github,
    "junit": junit,
    "turtle": turtle,
}
