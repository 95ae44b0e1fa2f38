"""The joins that a person has refused, one a line, in; so that none of them is proposed again, out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spacecoop import documents
from spacecoop.documents import Unreadable
from spacecoop.findings import Place, finding
from spacecoop.workspace import Workspace

FILE = "stories/rejected.tsv"
COLUMNS = ("one", "other", "reviewer", "date", "because")


@dataclass(frozen=True)
class Refusal:
    """That two matters are not one: who says so, when, and why. The names are short, such as ``a011:launch``."""

    line: int
    one: str
    other: str
    reviewer: str
    date: str
    because: str

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(FILE, self.line)


def load(workspace: Workspace) -> list[Refusal]:
    """Read the refusals of a workspace; raises Unreadable at a line that is not one."""
    path = workspace.root / FILE
    return read(documents.decode(documents.load(path, FILE), FILE)) if path.is_file() else []


def read(text: str) -> list[Refusal]:
    """Read the file; raises Unreadable at a line that is not a refusal."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split("\t")
        if not line.strip() or line.startswith("#") or tuple(cells) == COLUMNS:
            continue
        if len(cells) != len(COLUMNS) or not all(cell.strip() for cell in cells[:2]):
            raise Unreadable(finding("refusal-line", Place(FILE, number), columns=", ".join(COLUMNS)))
        found.append(Refusal(number, *cells))
    return found


def add(text: str, refusal: Refusal) -> str:
    """Return the text with one more refusal; lines are sorted, so that two people's merge."""
    rows = [line for line in text.splitlines() if line.strip()]
    head = [line for line in rows if line.startswith("#")]
    body = {line for line in rows if not line.startswith("#")} - {"\t".join(COLUMNS)}
    cells = (refusal.one, refusal.other, refusal.reviewer, refusal.date, refusal.because)
    body.add("\t".join(" ".join(cell.split()) for cell in cells))
    return "".join(f"{line}\n" for line in [*head, "\t".join(COLUMNS), *sorted(body)])


def pairs(refusals: Iterable[Refusal], prefixes: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return the IRIs of the pairs that were refused, each both ways."""
    found = [(expand(each.one, prefixes), expand(each.other, prefixes)) for each in refusals]
    return {pair for one, other in found for pair in ((one, other), (other, one))}


def expand(name: str, prefixes: Mapping[str, str]) -> str:
    """Return the IRI of a short name, such as ``id:svom-launch``."""
    prefix, _, local = name.partition(":")
    return f"{prefixes[prefix]}{local}" if prefix in prefixes else name.strip("<>")
