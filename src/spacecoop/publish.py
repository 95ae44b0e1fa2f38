"""The whole program on one page: a workspace in, a published dataset out."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import TimeoutError
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

from pebble import ProcessExpired, ProcessPool
from pyoxigraph import Quad

from spacecoop import (
    articles,
    cache,
    catalog,
    documents,
    editions,
    feeds,
    negotiation,
    output,
    quads,
    queries,
    shared,
    site,
)
from spacecoop.articles import Article
from spacecoop.cache import Cache
from spacecoop.census import Census, Counts
from spacecoop.documents import Unreadable
from spacecoop.editions import Edition
from spacecoop.findings import Finding, Place, as_data, finding, from_data, ordered, refused
from spacecoop.output import Written
from spacecoop.places import Places
from spacecoop.shapes import ENGINES
from spacecoop.shared import FACT_FILES, Shared
from spacecoop.syntaxes import JSONLD, NQUADS, NTRIPLES, TRIG, TURTLE
from spacecoop.workspace import Workspace

ARTICLE_SYNTAXES = (TURTLE, TRIG, NQUADS, JSONLD)
DATASET_SYNTAXES = (TURTLE, TRIG, NQUADS, NTRIPLES, JSONLD)
DUMPS = tuple(f"dataset{syntax.ending}" for syntax in DATASET_SYNTAXES)
FAST = "fast"
SECONDS = 30.0
"""How long one article may take, from its file to its findings."""

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


def publish(workspace: Workspace, engine: str = FAST, progress: Progress = _silent, cached: bool = True) -> Published:
    """Publish the workspace into its ``out/``, whole; or raise Rejected with every reason at once."""
    with output.replaced(workspace.out) as folder:
        return write(workspace, folder, engine, progress, cached)


def check(workspace: Workspace, engine: str = FAST, progress: Progress = _silent) -> list[str]:
    """Return the files in ``out/`` that are not what the sources give; raises Rejected as publish does."""
    with tempfile.TemporaryDirectory() as folder:
        write(workspace, Path(folder), engine, progress, cached=False)
        return output.differences(Path(folder), workspace.out)


def validate(
    workspace: Workspace,
    sources: Sequence[Path] = (),
    engine: str = FAST,
    progress: Progress = _silent,
    cached: bool = True,
) -> list[Finding]:
    """Return all findings on these fact files, and on the shared files; on all articles where none are given."""
    common = shared.load(workspace)
    done = list(each(Work(common, engine), sources or _sources(workspace), progress, cached))
    return ordered(chain(_of_the_whole(common, engine), *(one.findings for one in done), _repeated(done)))


def write(workspace: Workspace, folder: Path, engine: str, progress: Progress, cached: bool) -> Published:
    """Write all that is published into an empty folder; raises Rejected where something forbids it."""
    common = shared.load(workspace)
    findings = _of_the_whole(common, engine)
    done = list(each(Work(common, engine, folder), _sources(workspace), progress, cached))
    findings += chain(*(one.findings for one in done), _repeated(done))
    if refused(findings):
        raise Rejected(ordered(findings))
    written = list(chain.from_iterable(one.written for one in done))
    published, census = _read_back(sorted(one.slug for one in done), workspace, folder)
    described = catalog.describe(workspace, common.facts.quads, published, census.bounds)
    together = quads.arranged([*common.facts.quads, *_questions(workspace), *catalog.core(described, DUMPS)])
    census.add(together)
    dumps = list(_write_dataset(published, together, folder, workspace))
    written += dumps
    written += _write_site(common, together, described, census.counts(), published, dumps, folder)
    written.append(site.write_checksums(written, folder))
    _write_manifest(written, folder, workspace)
    return Published(tuple(written), len(done), tuple(ordered(findings)))


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
    file: str
    about: str | None
    """The IRI of the article described."""
    findings: tuple[Finding, ...]
    written: tuple[Written, ...]


def each(work: Work, sources: Sequence[Path], progress: Progress, cached: bool) -> Iterator[Done]:
    """Do the work on each article, in the order of *sources*, or find it done before."""
    kept = Cache(work.common.workspace.root / ".cache" / "articles")
    keys = _keys(work, sources)
    before = kept.load() if cached else {}
    hits = {path: done for path in sources if (done := _found(work, before.get(keys[path]))) is not None}
    new: dict[str, bytes] = {}
    todo = processed(work, [path for path in sources if path not in hits])
    progress(0, len(sources))
    for number, path in enumerate(sources, 1):
        done = hits.get(path)
        if done is None:
            done = next(todo)
            if not any(found.rule == "overdue" for found in done.findings):
                new[keys[path]] = _kept(done)
        yield done
        progress(number, len(sources))
    todo.close()
    if cached and new:
        kept.keep(new, before)


def _keys(work: Work, sources: Sequence[Path]) -> dict[Path, str]:
    """Return, for each article, the digest of all that its findings and files depend on."""
    workspace = work.common.workspace
    basis = cache.key(cache.program(), work.engine.encode(), *(path.read_bytes() for path in shared.files(workspace)))
    keys = {}
    for path in sources:
        data = path.read_bytes() if path.is_file() else b""
        keys[path] = cache.key(basis.encode(), workspace.name(path).encode(), data)
    return keys


def _kept(done: Done) -> bytes:
    """Return what was done as bytes for the cache."""
    data = asdict(done) | {"findings": [as_data(found) for found in done.findings]}
    return json.dumps(data).encode()


def _found(work: Work, value: bytes | None) -> Done | None:
    """Return what was done before, with its files taken over from ``out/`` where they are still what they were."""
    if value is None:
        return None
    data = json.loads(value)
    findings = tuple(from_data(found) for found in data["findings"])
    written = tuple(Written(**row) for row in data["written"])
    done = Done(data["slug"], data["file"], data["about"], findings, written)
    if work.folder is None or refused(findings):
        return done
    taken = bool(written) and all(output.taken_over(one, work.common.workspace.out, work.folder) for one in written)
    return done if taken else None


def processed(work: Work, sources: Sequence[Path]) -> Generator[Done]:
    """Do the work on each article in processes that are ended when one takes too long."""
    if not sources:
        return
    _here[:] = [work]
    begin = (work.common.workspace, work.engine, work.folder)
    with ProcessPool(min(len(sources), os.cpu_count() or 1), initializer=_begin, initargs=begin) as pool:
        try:
            done = pool.map(_do_here, sources, timeout=SECONDS).result()
            for path in sources:
                try:
                    yield next(done)
                except (TimeoutError, ProcessExpired):
                    yield _overdue(work, path, pool)
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise


def _overdue(work: Work, path: Path, pool: ProcessPool) -> Done:
    """Report an article that took too long, with the rules that do when they are alone with it."""
    rules = []
    for shape in work.common.shapes.targeting():
        try:
            pool.schedule(_judge_here, args=[path, shape], timeout=SECONDS / 3).result()
        except (TimeoutError, ProcessExpired):
            rules.append(work.common.shapes.rule(shape).name)
    file = work.common.workspace.name(path)
    found = finding("overdue", Place(file), ", ".join(rules) or None, seconds=SECONDS)
    return Done(path.stem, file, None, (found,), ())


def _do(work: Work, path: Path) -> Done:
    article = describe(work.common, path, work.engine)
    file = work.common.workspace.name(path)
    written: tuple[Written, ...] = ()
    if work.folder is not None and not refused(article.findings):
        written = tuple(_write_article(article, work.folder, work.common.workspace))
    return Done(article.slug, file, article.about, article.findings, written)


_here: list[Work] = []
"""A process's one state: its work, with the shared files read once; a forked process finds it there."""


def _begin(workspace: Workspace, engine: str, folder: Path | None) -> None:
    if not _here:
        _here.append(Work(shared.load(workspace), engine, folder))


def _do_here(path: Path) -> Done:
    return _do(_here[0], path)


def _judge_here(path: Path, shape: str) -> None:
    """Validate an article against one shape, for the time that it takes."""
    work = _here[0]
    alone = replace(work.common, shapes=work.common.shapes.alone(shape))
    describe(alone, path, work.engine)


def describe(common: Shared, path: Path, engine: str = FAST) -> Article:
    """Describe the article of one fact file, with whatever is wrong with it."""
    file = common.workspace.name(path)
    try:
        data = documents.load(path, file)
    except Unreadable as error:
        return Article(path.stem, None, (), (error.finding,), Places(file))
    return articles.describe(data, path.stem, file, common, ENGINES[engine])


def _sources(workspace: Workspace) -> list[Path]:
    return workspace.files("articles", *FACT_FILES)


def _of_the_whole(common: Shared, engine: str) -> list[Finding]:
    """Return what is wrong with the workspace beside its articles."""
    findings = articles.examine(common.facts, common.workspace.base, common, ENGINES[engine])
    findings += queries.check(common.workspace.files("queries", ".rq"), common.workspace)
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


def _repeated(done: Iterable[Done]) -> Iterator[Finding]:
    """Yield a finding for each file about an article that another file is about."""
    first: dict[str, str] = {}
    for one in done:
        if one.about in first:
            yield finding("article-twice", Place(one.file), first=first[one.about])
        elif one.about:
            first[one.about] = one.file


def _write_article(article: Article, folder: Path, workspace: Workspace) -> Iterator[Written]:
    """Write one article in each syntax."""
    prefixes = {**workspace.prefixes, "this": f"{workspace.article(article.slug)}#"}
    for syntax in ARTICLE_SYNTAXES:
        path = folder / "article" / f"{article.slug}{syntax.ending}"
        output.write(article.quads, path, syntax, prefixes)
        yield output.measured(folder, path, len(article.quads))


def _questions(workspace: Workspace) -> list[Quad]:
    """Return the workspace's named queries as RDF."""
    named = queries.library(workspace.root / "queries").values()
    return list(queries.as_rdf(named, workspace.graph("queries"), workspace.base, workspace.prefixes))


def _parts(slugs: Iterable[str], folder: Path) -> list[Path]:
    return [folder / "article" / f"{slug}{NQUADS.ending}" for slug in slugs]


def _read_back(slugs: Sequence[str], workspace: Workspace, folder: Path) -> tuple[list[Edition], Census]:
    """Return each article's edition, and count what they say, from their files, one at a time."""
    settings = workspace.settings.get("catalog", {})
    namespaces = [target.namespace for target in catalog.targets(workspace)]
    census = Census(workspace.base, namespaces, settings.get("begins", ()), settings.get("ends", ()))
    published = []
    for slug, path in zip(slugs, _parts(slugs, folder), strict=True):
        said, iri = list(output.read(path)), workspace.article(slug)
        census.add(said, iri)
        published.append(editions.edition(said, slug, iri, output.measured(folder, path, len(said)).sha256))
    return published, census


def _write_dataset(
    published: Sequence[Edition], together: Sequence[Quad], folder: Path, workspace: Workspace
) -> Iterator[Written]:
    """Write all graphs together in each syntax, from the articles' files, one at a time; each once more as gz."""
    parts = _parts((one.slug for one in published), folder)
    for syntax in DATASET_SYNTAXES:
        path = folder / f"dataset{syntax.ending}"
        count = 0

        def everything() -> Iterator[Quad]:
            nonlocal count
            for quad in chain(chain.from_iterable(map(output.read, parts)), together):
                count += 1
                yield quad

        output.write(everything(), path, syntax, workspace.prefixes)
        whole = output.measured(folder, path, count)
        yield whole
        yield output.compressed(folder, whole, workspace.out)


def _write_site(
    common: Shared,
    together: Sequence[Quad],
    described: catalog.Description,
    counts: Counts,
    published: Sequence[Edition],
    dumps: Sequence[Written],
    folder: Path,
) -> Iterator[Written]:
    """Write what makes the dataset found, fetched and followed: see docs/publishing.md."""
    workspace = common.workspace
    prefixes = dict(sorted({**workspace.prefixes, **catalog.PREFIXES}.items()))
    abouts = {"catalog": catalog.dcat(described, dumps), "void": catalog.void(described, counts, DUMPS)}
    for path, about in abouts.items():
        yield from site.write_document(about, path, site.THING_SYNTAXES, folder, prefixes)
    yield site.write_well_known(folder)
    schema_org = catalog.schema_org_text(described, dumps)
    yield site.write_text(folder, "schema-org.jsonld", f"{schema_org}\n")
    yield site.write_home(described.title, described.description, described.licence, schema_org, dumps, folder)

    documents = site.documents(common.files, together, workspace)
    vocabularies = list(site.write_documents(documents, folder, workspace))
    yield from vocabularies
    yield from (output.compressed(folder, one, workspace.out) for one in vocabularies if "/" not in one.path)

    yield from feeds.write(workspace.out, folder, published, workspace, described.author)
    pages = site.pages(documents, {one.iri: one.date for one in published}, described.modified, workspace)
    yield from site.write_map(pages, folder, described.home or described.base)
    endings = {
        iri.removeprefix(workspace.base): [syntax.ending for syntax in site.syntaxes(iri, said)]
        for iri, said in documents.items()
    }
    for name, text in negotiation.rules(negotiation.table(endings), described.home).items():
        yield site.write_text(folder, name, text)


def _write_manifest(written: Iterable[Written], folder: Path, workspace: Workspace) -> None:
    rows = [asdict(one) for one in sorted(written, key=lambda one: one.path)]
    text = json.dumps({"dataset": workspace.base, "files": rows}, indent=1)
    (folder / "manifest.json").write_text(f"{text}\n", "utf-8", newline="\n")
