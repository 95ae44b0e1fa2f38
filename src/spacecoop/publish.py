"""The whole program on one page: a workspace in, a published dataset out."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from pyoxigraph import Quad

from spacecoop import articles, documents, output, shared
from spacecoop.articles import Article
from spacecoop.documents import Unreadable
from spacecoop.facts import Places
from spacecoop.findings import Finding, Place, finding, ordered, refused
from spacecoop.output import Written
from spacecoop.shapes import ENGINES
from spacecoop.shared import FACT_FILES, Shared
from spacecoop.syntaxes import JSONLD, NQUADS, TRIG, TURTLE, Syntax
from spacecoop.workspace import Workspace

ARTICLE_SYNTAXES = (TURTLE, TRIG, NQUADS)
DATASET_SYNTAXES = (TURTLE, TRIG, NQUADS, JSONLD)
FAST = "fast"
FEW = 16
"""Up to so many articles, one process is quicker than several."""

Progress = Callable[[int, int], None]
"""Told how many articles are done, and how many there are."""


def _silent(done: int, of: int) -> None:
    """Tell nobody."""


class Rejected(Exception):
    """The dataset is not fit to be published; the findings say why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = findings


@dataclass(frozen=True)
class Published:
    """What was written, and what was remarked on the way."""

    files: tuple[Written, ...]
    articles: int
    findings: tuple[Finding, ...]


def publish(workspace: Workspace, engine: str = FAST, progress: Progress = _silent) -> Published:
    """Publish the workspace into its ``out/``, whole; or raise Rejected with every reason at once."""
    with output.replaced(workspace.out) as folder:
        return write(workspace, folder, engine, progress)


def check(workspace: Workspace, engine: str = FAST, progress: Progress = _silent) -> list[str]:
    """Return the files in ``out/`` that are not what the sources give; raises Rejected as publish does."""
    with tempfile.TemporaryDirectory() as folder:
        write(workspace, Path(folder), engine, progress)
        return output.differences(Path(folder), workspace.out)


def validate(workspace: Workspace, sources: Sequence[Path], engine: str = FAST) -> list[Finding]:
    """Return all findings on these fact files, and on the shared files; on all articles where none are given."""
    common = shared.load(workspace)
    articles = described(common, sources or _sources(workspace), engine, _silent)
    return ordered(chain(_of_the_whole(common, engine), *(article.findings for article in articles)))


def articles_of(workspace: Workspace, sources: Sequence[Path]) -> Iterator[Article]:
    """Yield the articles of these fact files, or all, with whatever is wrong with them."""
    yield from described(shared.load(workspace), sources or _sources(workspace), FAST, _silent)


def write(workspace: Workspace, folder: Path, engine: str, progress: Progress) -> Published:
    """Write all that is published into an empty folder; raises Rejected where something forbids it."""
    common = shared.load(workspace)
    findings = _of_the_whole(common, engine)
    written: list[Written] = []
    slugs: list[str] = []
    for article in described(common, _sources(workspace), engine, progress):
        findings += article.findings
        slugs.append(article.slug)
        if not refused(findings):
            written += _write_article(article, folder, workspace)
    if refused(findings):
        raise Rejected(ordered(findings))
    written += _write_dataset(sorted(slugs), common, folder)
    _write_manifest(written, folder, workspace)
    return Published(tuple(written), len(slugs), tuple(ordered(findings)))


def described(common: Shared, sources: Sequence[Path], engine: str, progress: Progress) -> Iterator[Article]:
    """Yield each article, described and validated, in the order of *sources*; many of them in parallel."""
    if len(sources) <= FEW:
        done = map(functools.partial(_describe, common, engine), sources)
        yield from _counted(done, len(sources), progress)
        return
    with ProcessPoolExecutor(initializer=_begin, initargs=(common.workspace, engine)) as pool:
        yield from _counted(pool.map(_describe_here, sources, chunksize=8), len(sources), progress)


def _sources(workspace: Workspace) -> list[Path]:
    return workspace.files("articles", *FACT_FILES)


def _of_the_whole(common: Shared, engine: str) -> list[Finding]:
    """Return what is wrong with the workspace beside its articles."""
    findings = articles.examine(common.facts, common.workspace.base, common, ENGINES[engine])
    sources = _sources(common.workspace)
    if not sources:
        findings.append(finding("no-articles", Place("articles"), folder="articles"))
    first: dict[str, Path] = {}
    for path in sources:
        if path.stem in first:
            place = Place(common.workspace.name(path))
            findings.append(finding("duplicate-id", place, id=path.stem, first=common.workspace.name(first[path.stem])))
        first.setdefault(path.stem, path)
    return findings


def _describe(common: Shared, engine: str, path: Path) -> Article:
    file = common.workspace.name(path)
    try:
        data = documents.load(path, file)
    except Unreadable as error:
        return Article(path.stem, (), (error.finding,), Places(file))
    return articles.describe(data, path.stem, file, common, ENGINES[engine])


_describe_here: Callable[[Path], Article]
"""What a worker process does with each article; set once, when the process begins."""


def _begin(workspace: Workspace, engine: str) -> None:
    global _describe_here  # the one state of a worker: the shared files, read once
    _describe_here = functools.partial(_describe, shared.load(workspace), engine)


def _counted(done: Iterable[Article], total: int, progress: Progress) -> Iterator[Article]:
    progress(0, total)
    for number, article in enumerate(done, 1):
        yield article
        progress(number, total)


def _write_article(article: Article, folder: Path, workspace: Workspace) -> Iterator[Written]:
    """Write one article in each syntax."""
    prefixes = {**workspace.prefixes, "this": f"{workspace.article(article.slug)}#"}
    for syntax in ARTICLE_SYNTAXES:
        path = folder / "article" / f"{article.slug}{syntax.ending}"
        output.write(article.quads, path, syntax, prefixes)
        yield output.measured(folder, path, len(article.quads))


def _write_dataset(slugs: Sequence[str], common: Shared, folder: Path) -> Iterator[Written]:
    """Write all graphs together in each syntax, from the articles' files, one at a time."""
    parts = [folder / "article" / f"{slug}{NQUADS.ending}" for slug in slugs]
    for syntax in DATASET_SYNTAXES:
        path = folder / f"dataset{syntax.ending}"
        count = 0

        def quads() -> Iterator[Quad]:
            nonlocal count
            for quad in chain(chain.from_iterable(map(output.read, parts)), common.facts.quads):
                count += 1
                yield quad

        output.write(quads(), path, syntax, common.workspace.prefixes)
        yield output.measured(folder, path, count)


def _write_manifest(written: Iterable[Written], folder: Path, workspace: Workspace) -> None:
    rows = [asdict(one) for one in sorted(written, key=lambda one: one.path)]
    text = json.dumps({"dataset": workspace.base, "files": rows}, indent=1)
    (folder / "manifest.json").write_text(f"{text}\n", "utf-8", newline="\n")
