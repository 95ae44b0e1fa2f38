"""The versions that were published before, and what is published now, in; all versions, counted and in pages, out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spacecoop.documents import Unreadable
from spacecoop.findings import Place, finding
from spacecoop.harvest.editions import Edition, date_build
from spacecoop.harvest.files import write_text
from spacecoop.messages import Words
from spacecoop.output import Written
from spacecoop.workspace import Workspace

HISTORY = "history.tsv"
"""In the workspace: which versions were published, a line each. A source, since nothing else can tell."""
VERSIONS = "feed/versions.tsv"
"""In what is published: the same list, with the versions that this build added."""
PAGE = 100
"""How many members a page of the feed holds before it is closed, where ``[feed] page`` does not say."""

CREATED, UPDATED, DELETED = "Create", "Update", "Delete"
_HEADING = "position\tdate\tslug\tkind\tsha256"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SLUG = re.compile(r"[^\s<>\"{}|\\^`]+")
_KINDS = re.compile(f"{CREATED}|{UPDATED}|{DELETED}")


@dataclass(frozen=True, slots=True)
class Version:
    """One member of the stream: which version of which article, since when."""

    position: int
    """Its place in the history as it was written; two branches may both have used one."""
    number: int
    """Its place among all versions, counted."""
    page: int
    date: str
    kind: str
    sha256: str
    slug: str

    @property
    def name(self) -> str:
        """Its name in the page that holds it."""
        return f"{self.slug}-{self.number}"


def read(workspace: Workspace) -> list[Version]:
    """Read which versions were published before; raises Unreadable at the line that cannot be read.

    The lines may stand in any order, as a merge of two branches leaves them.
    """
    return count(read_table(workspace.root / HISTORY, HISTORY, workspace.base), read_page_size(workspace))


def read_page_size(workspace: Workspace) -> int:
    """Return how many members a page of the feed holds."""
    return int(workspace.settings.get("feed", {}).get("page", PAGE))


def is_kept(folder: Path, workspace: Workspace) -> bool:
    """Tell whether the workspace's history holds all versions that the feed in *folder* has."""
    new, kept = folder / VERSIONS, workspace.root / HISTORY
    return not new.is_file() or (kept.is_file() and kept.read_bytes() == new.read_bytes())


def keep(folder: Path, workspace: Workspace) -> None:
    """Write the versions of the feed in *folder* into the workspace's history, from which the next build goes on."""
    if is_kept(folder, workspace):
        return
    path = workspace.root / HISTORY
    beside = path.with_name(f".{path.name}.new")
    shutil.copyfile(folder / VERSIONS, beside)
    beside.replace(path)


def find_unrevised(published: Iterable[Edition], workspace: Workspace) -> list[str]:
    """Find articles that differ from their latest version and whose record gives no later date; return their slugs."""
    standing = {one.slug: one for one in read(workspace)}
    return [
        one.slug
        for one in published
        if one.date
        and (before := standing.get(one.slug)) is not None
        and before.kind != DELETED
        and before.sha256 != one.sha256
        and one.date <= before.date
    ]


def find_changes(old: Sequence[Version], published: Sequence[Edition]) -> Iterator[Version]:
    """Yield a version for each article that is new, changed or gone, in the order of their dates."""
    latest = {version.slug: version for version in old}
    standing = {slug: version for slug, version in latest.items() if version.kind != DELETED}
    last = old[-1].date if old else ""
    changed = [
        (one.date, one.slug, UPDATED if one.slug in standing else CREATED, one.sha256)
        for one in published
        if one.date and (one.slug not in standing or standing[one.slug].sha256 != one.sha256)
    ]
    present = {one.slug for one in published}
    today = date_build([one.date for one in published]) or last
    changed += [(today, slug, DELETED, version.sha256) for slug, version in standing.items() if slug not in present]
    first = max((version.position for version in old), default=0) + 1
    for position, (date, slug, kind, sha256) in enumerate(sorted(changed), first):
        yield Version(position=position, number=0, page=0, date=date, kind=kind, sha256=sha256, slug=slug)


def count(versions: Iterable[Version], size: int) -> list[Version]:
    """Count versions in their order, and put them into pages.

    What two branches both published is one version, and a stream never goes back in time.
    """
    standing: dict[str, str] = {}
    numbered: list[Version] = []
    for one in versions:
        if standing.get(one.slug, "") == ("" if one.kind == DELETED else one.sha256):
            continue  # said before: of the same content, or gone already
        kind = one.kind if one.kind == DELETED else UPDATED if one.slug in standing else CREATED
        if kind == DELETED:
            del standing[one.slug]
        else:
            standing[one.slug] = one.sha256
        date = max(one.date, numbered[-1].date) if numbered else one.date
        place = len(numbered)
        numbered.append(replace(one, number=place + 1, page=place // size + 1, date=date, kind=kind))
    return numbered


def name_member(version: Version, workspace: Workspace) -> str:
    """Return the IRI of a version, in the page of the feed that holds it."""
    return f"{workspace.base}feed/{version.page}#{version.name}"


def write(versions: Sequence[Version], folder: Path, workspace: Workspace) -> Written:
    """Write the list from which the next build goes on."""
    rows = [f"{one.position}\t{one.date}\t{one.slug}\t{one.kind}\t{one.sha256}" for one in versions]
    return write_text(folder, VERSIONS, "\n".join([f"# {workspace.base}", _HEADING, *rows, ""]))


def read_table(path: Path, name: str, base: str) -> list[Version]:
    """Read a table of versions, sorted; none where there is no file, or it is of another base IRI."""
    if not path.exists():
        return []
    if not path.is_file():  # a pipe would be waited for
        raise Unreadable(finding("not-a-file", Place(name)))
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(finding("feed-broken", Place(name), reason=str(error))) from error
    if not lines or (lines[0] != f"# {base}" and re.fullmatch(r"# https?://\S+/", lines[0])):
        return []
    if lines[0] != f"# {base}":  # else what came before would be forgotten in silence
        reason = Words("its first line is to be '# {}'", base)
        raise Unreadable(finding("feed-broken", Place(name), reason=reason))
    rows = set()
    for number, line in enumerate(lines, 1):
        if line.startswith("#") or line == _HEADING or not line:
            continue
        try:
            position, date, slug, kind, sha256 = line.split("\t")
            rows.add((int(position), _check(date, _DATE), _check(slug, _SLUG), _check(kind, _KINDS), sha256))
        except ValueError as error:
            raise Unreadable(finding("feed-broken", Place(name, number), reason=str(error))) from error
    return [
        Version(position=position, number=0, page=0, date=date, kind=kind, sha256=sha256, slug=slug)
        for position, date, slug, kind, sha256 in sorted(rows)
    ]


def _check(value: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(repr(value))
    return value
