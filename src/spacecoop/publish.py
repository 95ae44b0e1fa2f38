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
from spacecoop.syntaxes import JSONLD, NQUADS, TRIG, TURTLE
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


def validate(workspace: Workspace, sources: Sequence[Path] = (), engine: str = FAST) -> list[Finding]:
    """Return all findings on these fact files, and on the shared files; on all articles where none are given."""
    common = shared.load(workspace)
    work = Work(common, engine)
    done = each(work, sources or _sources(workspace), _silent)
    return ordered(chain(_of_the_whole(common, engine), *(one.findings for one in done)))


def write(workspace: Workspace, folder: Path, engine: str, progress: Progress) -> Published:
    """Write all that is published into an empty folder; raises Rejected where something forbids it."""
    common = shared.load(workspace)
    findings = _of_the_whole(common, engine)
    written: list[Written] = []
    slugs: list[str] = []
    for done in each(Work(common, engine, folder), _sources(workspace), progress):
        findings += done.findings
        written += done.written
        slugs.append(done.slug)
    if refused(findings):
        raise Rejected(ordered(findings))
    written += _write_dataset(sorted(slugs), common, folder)
    _write_manifest(written, folder, workspace)
    return Published(tuple(written), len(slugs), tuple(ordered(findings)))


@dataclass(frozen=True)
class Work:
    """What is to be done with each article: validate it, and write it where there is a folder."""

    common: Shared
    engine: str
    folder: Path | None = None


@dataclass(frozen=True)
class Done:
    """What was done with one article."""

    slug: str
    findings: tuple[Finding, ...]
    written: tuple[Written, ...]


def each(work: Work, sources: Sequence[Path], progress: Progress) -> Iterator[Done]:
    """Do the work on each article, in the order of *sources*; on many of them in parallel processes."""
    if len(sources) <= FEW:
        yield from _counted(map(functools.partial(_do, work), sources), len(sources), progress)
        return
    begin = (work.common.workspace, work.engine, work.folder)
    with ProcessPoolExecutor(initializer=_begin, initargs=begin) as pool:
        try:
            yield from _counted(pool.map(_do_here, sources, chunksize=8), len(sources), progress)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _do(work: Work, path: Path) -> Done:
    article = describe(work.common, path, work.engine)
    if work.folder is None or refused(article.findings):
        return Done(article.slug, article.findings, ())
    return Done(article.slug, article.findings, tuple(_write_article(article, work.folder, work.common.workspace)))


_here: list[Work] = []
"""A worker process's one state: its work, with the shared files read once."""


def _begin(workspace: Workspace, engine: str, folder: Path | None) -> None:
    _here.append(Work(shared.load(workspace), engine, folder))


def _do_here(path: Path) -> Done:
    return _do(_here[0], path)


def _counted(done: Iterable[Done], total: int, progress: Progress) -> Iterator[Done]:
    progress(0, total)
    for number, one in enumerate(done, 1):
        yield one
        progress(number, total)


def describe(common: Shared, path: Path, engine: str = FAST) -> Article:
    """Describe the article of one fact file, with whatever is wrong with it."""
    file = common.workspace.name(path)
    try:
        data = documents.load(path, file)
    except Unreadable as error:
        return Article(path.stem, (), (error.finding,), Places(file))
    return articles.describe(data, path.stem, file, common, ENGINES[engine])


def _sources(workspace: Workspace) -> list[Path]:
    return workspace.files("articles", *FACT_FILES)


def _of_the_whole(common: Shared, engine: str) -> list[Finding]:
    """Return what is wrong with the workspace beside its articles."""
    findings = articles.examine(common.facts, common.workspace.base, common, ENGINES[engine])
    sources = _sources(common.workspace)
    if not sources:
        findings.append(finding("no-articles", Place("articles"), folder="articles"))
    first: dict[str, str] = {}
    for path in sources:
        file = common.workspace.name(path)
        if path.stem in first:
            findings.append(finding("duplicate-id", Place(file), id=path.stem, first=first[path.stem]))
        first.setdefault(path.stem, file)
    return findings


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
