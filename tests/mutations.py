"""A file's bytes and a seed in; the same file with something wrong in it, and what that is, out."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

NASTY = (
    *("", " ", ".", "..", "/", "a b", "http://a b/", "http://[", "https://example.org/<x>", "https://example.org/{x}"),
    *(
        "https://example.org/\u00e9\u202e",
        "http:",
        ":",
        "_:b",
        "id:",
        "this:",
        "no:prefix",
        "urn:x",
        "file:///etc/passwd",
    ),
    *("principle", "en-", "x-klingonish-toolongsubtag", "en_US", "@en", "@id", "@type", "@context", "@none", "@vocab"),
    *(
        "\x00",
        "\x07",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "\ufffe",
        "\U0010ffff",
        "e\u0301",
        "\r",
        "\t",
        "\n",
    ),
    *("1e300", "-1", "-1e300", "9" * 400, "0x10", "NaN", ".inf", "inf", "01", "1_000", "\u0663", "\u00b2", "1.5", "0"),
    *("2019-13-45", "0000-00-00", "99999-01-01", "2019-02-30T25:61:00Z", "-0001", "12:00"),
    *("%s", "%(x)s", "{}", "{0.__class__}", "{{ x }}", "{% x %}", "\\", "\\u12", '"', "'", "'''", '"""', "`", "$", "#"),
    *(
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "(",
        ")",
        "[]",
        "{}",
        "&a",
        "*a",
        "<<: *a",
        "!!python/object:os.system",
        "!x y",
        "|",
        ">-",
    ),
    *(
        "null",
        "~",
        "true",
        "no",
        "yes",
        "a" * 100_000,
        "(a+)+$",
        "[a-",
        "(?P<n",
        "*",
        "?x",
        "BASE <x>",
        "SERVICE <http://a/>",
    ),
)
"""Texts that have broken programs before: as names, IRIs, languages, numbers, times, patterns, templates and markup."""
DEEP = 3000
"""How deep what is nested too deep is."""

Change = Callable[[random.Random, str], str]


def _lines(change: Callable[[random.Random, list[str]], None]) -> Change:
    def changed(chance: random.Random, text: str) -> str:
        lines = text.splitlines(keepends=True) or [""]
        change(chance, lines)
        return "".join(lines)

    return changed


def _delete(chance: random.Random, lines: list[str]) -> None:
    at = chance.randrange(len(lines))
    del lines[at : at + chance.choice((1, 1, 1, 2, 5))]


def _repeat(chance: random.Random, lines: list[str]) -> None:
    at = chance.randrange(len(lines))
    lines.insert(chance.choice((at, chance.randrange(len(lines) + 1))), lines[at])


def _swap(chance: random.Random, lines: list[str]) -> None:
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _indent(chance: random.Random, lines: list[str]) -> None:
    at = chance.randrange(len(lines))
    plain = lines[at].lstrip(" ")
    lines[at] = chance.choice((" ", "   ", "\t", "        ", "")) + plain


def _own(chance: random.Random, lines: list[str]) -> None:
    lines.insert(chance.randrange(len(lines) + 1), f"{chance.choice(NASTY)}\n")


def _key(chance: random.Random, lines: list[str]) -> None:
    """Give a line another key."""
    places = [at for at, line in enumerate(lines) if re.search(r"[\w@\"'*-]\s*[:=]\s", line)]
    if places:
        at = chance.choice(places)
        lines[at] = re.sub(
            r"([\w@\"'*.-]+)(\s*[:=]\s)", lambda found: chance.choice(NASTY) + found[2], lines[at], count=1
        )


VALUES = (
    *(
        "null",
        "~",
        "true",
        "false",
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "{a: b}",
        "{a = 1}",
        "{en: {fr: x}}",
        "{a: [b]}",
        '{"a": 1}',
    ),
    *(
        '["a", 1]',
        "0",
        "-1",
        "1e300",
        "1e-300",
        "inf",
        "nan",
        "9" * 30,
        "1.5",
        '""',
        '"a b"',
        "''",
        "2019-01-01",
        "12:30:00",
    ),
    *(
        '"\\u0000"',
        '"\\uD800"',
        '"\\e[31m"',
        '"<a b>"',
        '"%(x)s"',
        "{en: 1}",
        "{principle: x}",
        "[{}]",
        "[1, [2, [3]]]",
        "",
    ),
    *(
        '{"@id": 3}',
        '{"@id": "a b"}',
        '{"@context": "http://127.0.0.1:9/"}',
        '{"@type": "a b"}',
        "{id: 3}",
        "{id: this:}",
    ),
)
"""Values as YAML, TOML and JSON write them, each of another type."""


def _value(chance: random.Random, lines: list[str]) -> None:
    """Give a key of a line a value of another type."""
    places = [at for at, line in enumerate(lines) if re.search(r"[:=]\s", line)]
    if places:
        at = chance.choice(places)
        lines[at] = re.sub(r"([:=]\s+)[^,}\n]*", lambda found: found[1] + chance.choice(VALUES), lines[at], count=1)


_TOKEN = re.compile(r"<[^<>\s]*>|\"[^\"\n]*\"|'[^'\n]*'|@?[\w:.+-]+|[^\w\s]")


def _token(chance: random.Random, text: str) -> str:
    """Put something else in the place of a word, an IRI, a string or a sign, between the same brackets."""
    found = list(_TOKEN.finditer(text))
    if not found:
        return chance.choice(NASTY)
    one = chance.choice(found)
    written, new = one[0], chance.choice((*NASTY, chance.choice(found)[0]))
    if len(written) > 1 and written[0] in "<\"'" and chance.random() < 0.8:
        new = written[0] + new + written[-1]
    return text[: one.start()] + new + text[one.end() :]


def _tokens(chance: random.Random, text: str) -> str:
    for _ in range(chance.randrange(2, 6)):
        text = _token(chance, text)
    return text


def _drop(chance: random.Random, text: str) -> str:
    found = list(_TOKEN.finditer(text))
    if not found:
        return text
    one = chance.choice(found)
    return text[: one.start()] + text[one.end() :]


def _cut(chance: random.Random, text: str) -> str:
    return text[: chance.randrange(len(text) + 1)]


def _empty(chance: random.Random, _: str) -> str:
    return chance.choice(("", "\n", " ", "\ufeff", "#", "---", "{}", "[]", "null", "\x00", "\t" * 10))


def _deep(chance: random.Random, text: str) -> str:
    """Nest something too deep, at a place of its own or in the place of a value."""
    opening, closing = chance.choice(
        (("[", "]"), ("{", "}"), ("(", ")"), ("{a: ", "}"), ('{"a": ', "}"), ("- ", ""), ("a.", "b"))
    )
    nest = opening * DEEP + chance.choice((closing * DEEP, ""))
    found = list(re.finditer(r"(?<=[:=] )[^\n]*", text))
    if found and chance.random() < 0.7:
        one = chance.choice(found)
        return text[: one.start()] + nest + text[one.end() :]
    return chance.choice((nest, f"{text}\n{nest}\n", f"{nest}\n{text}"))


def _many(chance: random.Random, text: str) -> str:
    return text + chance.choice((text * chance.randrange(1, 4), text[-200:] * 50))


def _sign(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(NASTY) + text[at:]


def _ends(chance: random.Random, text: str) -> str:
    return text.replace("\n", chance.choice(("\r\n", "\r", "\u2028", "\x0b", "")))


def _structure(chance: random.Random, text: str) -> str:
    """Change one value of JSON, wherever it stands, to another of any type; of what is no JSON, a word."""
    try:
        data = json.loads(text)
    except ValueError:
        return _token(chance, text)
    slots: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            slots.append((value, key))
            walk(value[key])

    walk(data)
    if not slots:
        return chance.choice(VALUES)
    around, key = chance.choice(slots)
    other, name = chance.choice(slots)
    scope = {
        "a": "https://example.org/a",
        "b": {"@id": "a", "@context": chance.choice((None, [], {}, "", {"a": "@x"}))},
    }
    new: Any = chance.choice(
        (
            *(None, True, 0, -1, 1e300, "", [], {}, [[]], ["a", 1], {"a": {"b": {}}}, chance.choice(NASTY)),
            *({"@id": chance.choice(NASTY)}, {"@type": chance.choice(NASTY)}, {"@context": scope}, {"@reverse": 3}),
            *({"@id": "a:b", "@container": chance.choice(("@list", "@set", "@index", "@graph", "@id", 3, "x"))},),
            *(
                {"@container": ["@set", "@language"]},
                {"@id": "a:b", "@language": 3},
                {"@id": "a:b", "@protected": True},
            ),
            *(
                {"@id": "a:b", "@prefix": True, "@nest": "x"},
                {"@id": key},
                {"@id": "@type"},
                {"@id": "@id", "@type": "@id"},
            ),
            json.loads(json.dumps(other[name])),
        )
    )
    if isinstance(around, dict) and chance.random() < 0.3:
        around[chance.choice((*NASTY, *("@base", "@vocab", "@import", "@version", "@language", "@propagate")))] = new
    else:
        around[key] = new
    return json.dumps(data, indent=1, ensure_ascii=chance.random() < 0.5)


CHANGES: dict[str, Change] = {
    "a line is deleted": _lines(_delete),
    "a line stands twice": _lines(_repeat),
    "two lines are swapped": _lines(_swap),
    "a line is indented otherwise": _lines(_indent),
    "a line of its own": _lines(_own),
    "another key": _lines(_key),
    "a value of another type": _lines(_value),
    "a value of another type, again": _lines(_value),
    "another word": _token,
    "other words": _tokens,
    "a word is missing": _drop,
    "it ends too soon": _cut,
    "it is empty": _empty,
    "it is nested too deep": _deep,
    "it goes on": _many,
    "a sign too many": _sign,
    "other ends of lines": _ends,
    "another value": _structure,
}
"""Each way in which a text is changed, by what is wrong then."""
BYTES: dict[str, Callable[[bytes, int, int], bytes]] = {
    "bytes that are no UTF-8": lambda data, at, byte: data[:at] + bytes([byte | 128]) + data[at:],
    "UTF-16": lambda data, _at, _byte: data.decode("utf-8", "replace").encode("utf-16"),
    "another byte": lambda data, at, byte: data[:at] + bytes([byte]) + data[at + 1 :],
}


def mutate(data: bytes, chance: random.Random) -> tuple[bytes, str]:
    """Return the file changed in one way, sometimes in two, and in which."""
    said = []
    for _ in range(chance.choice((1, 1, 1, 2))):
        if chance.random() < 0.06:
            name = chance.choice(sorted(BYTES))
            data = BYTES[name](data, chance.randrange(len(data) + 1), chance.randrange(256))
        else:
            name = chance.choice(sorted(CHANGES))
            data = CHANGES[name](chance, data.decode("utf-8", "replace")).encode("utf-8", "replace")
        said.append(name)
    return data, ", ".join(said)
