"""YAML text in; plain data, and the place of every key and value, out."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from spacecoop.findings import Finding, Place, finding

Steps = tuple[str | int, ...]
"""The way to a value: the keys and list positions that lead to it from the top."""

MOST_BYTES = 8_000_000
MOST_LEVELS = 40
MOST_VALUES = 200_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Document:
    """A YAML document as data, with the places of its keys and values."""

    file: str
    data: Any
    _keys: Mapping[Steps, Place]
    _values: Mapping[Steps, Place]
    _ends: Mapping[Steps, Place]

    def place(self, steps: Steps) -> Place:
        """Return where the value at *steps* begins, or the nearest thing around it."""
        found = self._values.get(steps)
        while found is None and steps:
            steps = steps[:-1]
            found = self._values.get(steps)
        return found or Place(self.file)

    def key_place(self, steps: Steps) -> Place:
        """Return where the key of the value at *steps* stands; a list item's is where the item begins."""
        return self._keys.get(steps) or self.place(steps)

    def find(self, place: Place) -> Steps | None:
        """Return the way to the value that begins at a place, the outermost of several; None where none does."""
        found = (steps for steps, there in self._values.items() if there == place)
        return min(found, key=len, default=None)

    def end(self, steps: Steps) -> Place:
        """Return where the scalar at *steps* ends, exclusive; raises KeyError where there is none."""
        return self._ends[steps]


class Unreadable(Exception):
    """What stands in a file is not what it should be; the finding says where and why."""

    def __init__(self, found: Finding) -> None:
        super().__init__(str(found))
        self.finding = found


def load(path: Path, file: str) -> bytes:
    """Return the bytes of a file of bounded size, to be called *file* in findings.

    Raises Unreadable where it is not there, no file, not allowed or too large.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise Unreadable(finding("not-a-file", Place(file)))
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unreadable(finding("unreadable", Place(file), reason=error.strerror or str(error))) from error
    if len(data) > MOST_BYTES:
        raise Unreadable(finding("yaml-size", Place(file), size=path.stat().st_size, limit=MOST_BYTES))
    return data


def follow(path: Path) -> Path:
    """Return what a link leads to, so that it is replaced and the link stays; any other path as it is."""
    return path.resolve() if path.is_symlink() else path


def is_special(path: Path) -> bool:
    """Tell whether something stands there that is written to and never replaced, such as a device or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


def save(path: Path, text: str) -> None:
    """Replace a file's text in one step: readers see the old one or the new one, never half.

    A link stays, and what it leads to is replaced; a device or a pipe is written to.
    """
    if is_special(path):
        path.write_text(text, "utf-8", newline="")
        return
    path = follow(path)
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(text, "utf-8", newline="")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def lines(text: str) -> list[str]:
    r"""Return the lines of a text with their ends. A line feed alone ends one: texts may hold others, such as U+2028.

    >>> lines("a\u2028b\nc")
    ['a\u2028b\n', 'c']
    """
    return list(io.StringIO(text))


def decode(data: bytes, file: str) -> str:
    """Return *data* as text without a byte order mark; raises Unreadable where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise Unreadable(finding("not-utf8", place, byte=f"0x{data[error.start]:02x}")) from error


def text(path: Path, file: str) -> str:
    """Return the text of a file as ``load`` and ``decode`` do; raises Unreadable where either does."""
    return decode(load(path, file), file)


def read(data: bytes, file: str, first: int = 1) -> Document:
    """Read one YAML 1.2 document (core schema), within bounds on its size, depth and aliases.

    *first* is the number of its first line in the file.

    Raises Unreadable where it is not one.
    """
    text = decode(data, file)
    keys: dict[Steps, Place] = {}
    values: dict[Steps, Place] = {}
    ends: dict[Steps, Place] = {}
    composer = _Composer(file, keys, values, ends, first)
    loader = None
    try:
        loader = _LOADER(text)  # it reads the first characters
        return Document(file, composer.document(loader.get_event), keys, values, ends)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        lines = text.splitlines() or [""]
        place = Place(file, len(lines) + first - 1, len(lines[-1]) + 1)  # where the file ends too soon
        if mark is not None and mark.line < len(lines):
            place = Place(file, mark.line + first, mark.column + 1)
        reason = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise Unreadable(finding("yaml", place, reason=reason)) from error
    except yaml.reader.ReaderError as error:
        # the C reader counts bytes, the Python one code points: the character itself is looked for
        at = text.find(chr(error.character)) if isinstance(error.character, int) else -1
        before = text[: max(at, 0)]
        place = Place(file, before.count("\n") + first, len(before) - before.rfind("\n"))
        raise Unreadable(finding("yaml", place, reason=error.reason)) from error
    except yaml.YAMLError as error:
        raise Unreadable(finding("yaml", Place(file), reason=str(error))) from error
    finally:
        if loader is not None:
            loader.dispose()


class _Composer:
    """Builds data from YAML events, and notes where everything stands."""

    def __init__(
        self,
        file: str,
        keys: dict[Steps, Place],
        values: dict[Steps, Place],
        ends: dict[Steps, Place],
        first: int,
    ) -> None:
        self.file = file
        self.first = first
        self.keys = keys
        self.values = values
        self.ends = ends
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.count = 0

    def document(self, read: Callable[[], Any]) -> Any:
        """Return the data of the events that *read* gives one by one, and None at their end."""
        self.read = read
        data: Any = None
        documents = 0
        while (event := read()) is not None:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise Unreadable(finding("yaml-documents", self.find_place(event.start_mark)))
                data, _ = self.value(read(), ())
        return data

    def find_place(self, mark: Any) -> Place:
        return Place(self.file, mark.line + self.first, mark.column + 1)

    def value(self, event: Any, steps: Steps) -> tuple[Any, int]:
        """Return the value that begins with *event*, and how many values it unfolds to."""
        place = self.values[steps] = self.find_place(event.start_mark)
        if len(steps) > MOST_LEVELS:
            raise Unreadable(finding("yaml-depth", place, limit=MOST_LEVELS))
        kind = _KINDS.get(type(event))
        if kind is None:  # an alias
            if event.anchor not in self.anchors:
                raise Unreadable(finding("yaml-alias", place, name=event.anchor))
            data, size = self.anchors[event.anchor]
        else:
            tag = event.tag
            if tag and tag not in _TAGS and not (tag == "!" and isinstance(event, yaml.ScalarEvent)):
                raise Unreadable(finding("yaml-tag", place, tag=tag))
            data, size = kind(self, event, steps)
            if event.anchor:
                self.anchors[event.anchor] = data, size
        self.count += size if kind is None else 1
        if self.count > MOST_VALUES:
            raise Unreadable(finding("yaml-expansion", place, limit=MOST_VALUES))
        return data, size

    def scalar(self, event: Any, steps: Steps) -> tuple[Any, int]:
        self.ends[steps] = self.find_place(event.end_mark)
        plain = event.implicit[0] and event.style in (None, "")
        return (_resolve(event.value) if plain else event.value), 1

    def sequence(self, event: Any, steps: Steps) -> tuple[Any, int]:
        items: list[Any] = []
        size = 1
        while type(event := self.read()) is not _END_OF_SEQUENCE:
            item, weight = self.value(event, (*steps, len(items)))
            items.append(item)
            size += weight
        return items, size

    def mapping(self, event: Any, steps: Steps) -> tuple[Any, int]:
        data: dict[str, Any] = {}
        size = 1
        while type(event := self.read()) is not _END_OF_MAPPING:
            if type(event) is not _SCALAR:
                raise Unreadable(finding("bad-key", self.find_place(event.start_mark)))
            key: str = event.value
            place, here = self.find_place(event.start_mark), (*steps, key)
            if key in data:
                raise Unreadable(finding("duplicate-key", place, key=key, line=self.keys[here].line))
            self.keys[here] = place
            data[key], weight = self.value(self.read(), here)
            size += weight
        return data, size


_KINDS: Mapping[type, Callable[[_Composer, Any, Steps], tuple[Any, int]]] = {
    yaml.ScalarEvent: _Composer.scalar,
    yaml.SequenceStartEvent: _Composer.sequence,
    yaml.MappingStartEvent: _Composer.mapping,
}
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map")}
_SCALAR, _END_OF_SEQUENCE, _END_OF_MAPPING = yaml.ScalarEvent, yaml.SequenceEndEvent, yaml.MappingEndEvent
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("null", "Null", "NULL", "~", "")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")


def _resolve(plain: str) -> Any:
    """Resolve a plain scalar by YAML 1.2's core schema (section 10.3.2), fractions and dates left as written.

    >>> [_resolve(text) for text in ("no", "true", "12", "2019-03", "1.50", "")]
    ['no', True, 12, '2019-03', '1.50', None]
    """
    if plain in _WORDS:
        return _WORDS[plain]
    return int(plain) if _INTEGER.fullmatch(plain) else plain
