"""One article's quads in; all that the dataset as a whole needs to know of it, small enough to be kept, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pyoxigraph import Quad

from spacecoop.harvest import counting, description, editions
from spacecoop.harvest.counting import Scope, Tally
from spacecoop.harvest.editions import Edition
from spacecoop.workspace import Workspace


@dataclass(frozen=True)
class Summary:
    """What the counts, the feed and the maps of a dataset need of one article."""

    edition: Edition
    tally: Tally


def scope(workspace: Workspace) -> Scope:
    """Return what is counted in this workspace."""
    settings = workspace.settings.get("catalog", {})
    targets = tuple(target.namespace for target in description.targets(workspace))
    return Scope(workspace.base, targets, tuple(settings.get("begins", ())), tuple(settings.get("ends", ())))


def summarise(quads: Sequence[Quad], slug: str, sha256: str, workspace: Workspace) -> Summary:
    """Sum up one article, whose N-Quads have this digest."""
    iri = workspace.article(slug)
    return Summary(editions.edition(quads, slug, iri, sha256), counting.tally(quads, iri, scope(workspace)))


def as_data(summary: Summary) -> dict[str, Any]:
    """Return a summary as plain data, for JSON."""
    return asdict(summary)


def from_data(data: Mapping[str, Any]) -> Summary:
    """Return the summary that ``as_data`` made this of; raises TypeError, ValueError or KeyError for anything else."""
    tally = dict(data["tally"])
    links = tuple((target, predicate, count) for target, predicate, count in tally["links"])
    tally.update(links=links, common=tuple(tally["common"]))
    return _check(Summary(Edition(**data["edition"]), Tally(**tally)))


def _check(summary: Summary) -> Summary:
    """Return a summary; raises TypeError or ValueError where it was made by hand."""
    edition, tally = summary.edition, summary.tally
    texts = [edition.slug, edition.iri, edition.sha256, edition.date or "", tally.earliest or "", tally.latest or ""]
    texts += [*tally.common, *tally.classes, *tally.properties, *(part for link in tally.links for part in link[:2])]
    numbers = [tally.triples, *tally.classes.values(), *tally.properties.values(), *(link[2] for link in tally.links)]
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(number, int) for number in numbers):
        raise TypeError(summary)
    if any(len(bytes.fromhex(digests)) % counting.WIDTH for digests in (tally.entities, tally.others, tally.objects)):
        raise ValueError(summary)
    return summary
