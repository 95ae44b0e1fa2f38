"""Fact files in, what was done with each out: in parallel, within a time, and never twice."""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import TimeoutError
from dataclasses import dataclass, replace
from itertools import chain, compress, islice
from operator import not_
from pathlib import Path

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from spacecoop import articles, cache, documents, jsontext, output, shared
from spacecoop.articles import Article
from spacecoop.cache import Cache
from spacecoop.documents import Unreadable
from spacecoop.facts import bulk
from spacecoop.facts.bulk import Line
from spacecoop.findings import Finding, Place, as_data, finding, from_data, is_refusal
from spacecoop.harvest import dumps, summaries
from spacecoop.harvest.summaries import Summary
from spacecoop.output import Written
from spacecoop.places import Places
from spacecoop.progress import Progress
from spacecoop.shapes import ENGINES, Shapes, ValidationResult
from spacecoop.shared import FACT_FILES, Shared
from spacecoop.stories import accounts
from spacecoop.syntaxes import JSONLD, NQUADS, TRIG, TURTLE
from spacecoop.workspace import Workspace

ARTICLE_SYNTAXES = (TURTLE, TRIG, NQUADS, JSONLD)
FAST = "fast"
UNJUDGED = "none"
"""Instead of an engine's name: what is described is not judged by the shapes."""
SECONDS = 30.0
"""How long one article may take, from its file to its findings."""
_TOGETHER = 500
"""How many articles' results are held before they are kept."""
_AHEAD = 64
"""How many articles wait for a process: what is done with more of them would have to be held."""


Source = Path | Line
"""Where the facts of an article stand: a fact file, or a line of a file of many."""


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
    line: int
    """Where in the file it begins."""
    about: str | None
    """The IRI of the article described."""
    findings: tuple[Finding, ...]
    written: tuple[Written, ...]
    summary: Summary | None = None
    """What the dataset as a whole needs to know; None where nothing was written."""
    pieces: bytes = b""
    """What it adds to each of the dumps, as ``dumps.pack`` packs it."""
    accounts: tuple[tuple[str, str], ...] = ()
    """Of which shared matters it tells: each with what stands near the account, as N-Triples."""


Run = Callable[[Work, Sequence[Source]], Generator[Done]]
"""What does the work on articles, in their order."""


def each(
    work: Work,
    sources: Sequence[Source],
    progress: Progress,
    cached: bool,
    run: Run | None = None,
    everything: bool = True,
) -> Iterator[Done]:
    """Do the work on each article, in the order of *sources*, or find it done before.

    Where they are *everything*, the cache forgets all others. *run* does what is still to be done; processes of this
    machine do it where none is given.
    """
    kept = Cache(work.common.workspace.root / ".cache" / "articles")
    keys = list(_keys(work, sources))
    new: dict[str, bytes] = {}
    added = False
    with kept.look_up() as find:
        hits = [cached and _recall(work, path, find(key)) for path, key in zip(sources, keys, strict=True)]
        # closed whatever happens: a process that still writes would fill the folder that is being deleted
        with contextlib.closing((run or process)(work, list(compress(sources, map(not_, hits))))) as todo:
            progress(0, len(sources))
            for number, (path, key, hit) in enumerate(zip(sources, keys, hits, strict=True), 1):
                done = (_believe(path, find(key)) or _do_again(work, path)) if hit else next(todo)
                if cached and not hit and not any(found.rule == "overdue" for found in done.findings):
                    new[key] = _pack(done)
                yield done
                progress(number, len(sources))
                if len(new) == _TOGETHER:
                    kept.add(new)
                    new, added = {}, True
    if cached and (new or added):
        kept.keep(new, keys) if everything else kept.add(new)


def _keys(work: Work, sources: Sequence[Source]) -> Iterator[str]:
    """Yield, for each article, the digest of all that its findings and files depend on."""
    workspace = work.common.workspace
    basis = cache.key(cache.program(), work.engine.encode(), *(path.read_bytes() for path in shared.files(workspace)))
    for path in sources:
        try:
            data = load(path, "")
        except Unreadable:
            data = b""  # reading it again will tell what is the matter
        yield cache.key(basis.encode(), name(workspace, path).encode(), slug(path).encode(), data)


def _pack(done: Done) -> bytes:
    """Return what was done as bytes for the cache: a line of what is looked at first, and one of all the rest."""
    first = {
        "slug": done.slug,
        "file": done.file,
        "line": done.line,
        "about": done.about,
        "findings": [as_data(found) for found in done.findings],
        "written": [output.as_row(one) for one in done.written],
    }
    rest = {
        "summary": summaries.as_data(done.summary) if done.summary else None,
        "pieces": done.pieces.hex(),
        "accounts": done.accounts,
    }
    return f"{json.dumps(first)}\n{json.dumps(rest)}".encode()


def _recall(work: Work, source: Source, value: bytes | None) -> bool:
    """Tell whether it was done before; files are taken over from ``out/`` where they are still what they were."""
    done = _believe(source, value, whole=False)
    if done is None or work.folder is None or is_refusal(done.findings):
        return done is not None
    written = done.written
    return bool(written) and all(output.take_over(one, work.common.workspace.out, work.folder) for one in written)


def _believe(source: Source, value: bytes | None, whole: bool = True) -> Done | None:
    """Return what was done, but for what the dataset needs of it where not the *whole* is asked for."""
    if value is None:
        return None
    try:
        return _read(source, value, whole)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None  # made by hand


def _read(source: Source, value: bytes, whole: bool) -> Done | None:
    """Return what ``_pack`` made this of; nothing where the article has moved and something was to be said of it."""
    first, _, rest = value.partition(b"\n")
    data = jsontext.parse(first) | (jsontext.parse(rest) if whole else {"summary": None, "accounts": (), "pieces": ""})
    findings = tuple(from_data(found) for found in data["findings"])
    written = tuple(output.restore(row) for row in data["written"])
    summary = summaries.from_data(data["summary"]) if data["summary"] else None
    told = tuple((matter, near) for matter, near in data["accounts"])
    done = Done(
        slug=data["slug"],
        file=data["file"],
        line=line(source),
        about=data["about"],
        findings=findings,
        written=written,
        summary=summary,
        pieces=dumps.unpack(data["pieces"]),
        accounts=told,
    )
    if not all(isinstance(part, str) for part in (done.slug, done.file, done.about or "", *chain(*told))):
        raise TypeError(data)
    return None if findings and data["line"] != done.line else done  # findings tell other lines


def process(work: Work, sources: Sequence[Source], processes: int | None = None) -> Generator[Done]:
    """Do the work on each article in processes that are ended when one takes too long: one for each processor."""
    if not sources:
        return
    _here[:] = [work]
    blamed: list[str] = []
    begin = (work.common.workspace, work.engine, work.folder)
    with ProcessPool(min(len(sources), processes or os.cpu_count() or 1), initializer=_begin, initargs=begin) as pool:
        try:
            ahead = iter(sources)
            waiting = deque(_schedule(pool, path) for path in islice(ahead, _AHEAD))
            for path in sources:
                try:
                    done = waiting.popleft().result()
                except (TimeoutError, ProcessExpired):
                    blamed = blamed if blamed and blamed[0].startswith(_DERIVE) else _blame(work, path)
                    done = _overdue(work, path, blamed)
                waiting.extend(_schedule(pool, one) for one in islice(ahead, 1))
                yield done
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise


def _schedule(pool: ProcessPool, path: Source) -> ProcessFuture[Done]:
    return pool.schedule(_do_here, args=[path], timeout=SECONDS)


def _overdue(work: Work, path: Source, rules: Sequence[str]) -> Done:
    """Report an article that took too long, with the rules that do when they are alone with it."""
    file = name(work.common.workspace, path)
    found = finding("overdue", Place(file, line(path)), ", ".join(rules) or None, seconds=SECONDS)
    return Done(slug(path), file, line(path), None, (found,), ())


_DERIVE = "queries/derive/"


def _blame(work: Work, path: Source) -> list[str]:
    """Return what takes too long when it is alone with an article: rules that derive, else shapes."""
    if _is_slow(work, path, _derive_here, *work.common.rules):
        return [f"{_DERIVE}{rule}" for rule in sorted(work.common.rules) if _is_slow(work, path, _derive_here, rule)]
    shapes = work.common.shapes
    return [shapes.rule(shape).name for shape in shapes.targeting() if _is_slow(work, path, _judge_here, shape)]


def _is_slow(work: Work, path: Source, do: Callable[..., None], *rules: str) -> bool:
    """Tell whether rules alone take too long, and do so again: once may be the machine's fault."""
    begin = (work.common.workspace, work.engine, work.folder)
    for _ in range(2):
        with ProcessPool(1, initializer=_begin, initargs=begin) as pool:
            try:
                pool.schedule(do, args=[path, *rules], timeout=SECONDS / 3).result()
            except (TimeoutError, ProcessExpired):
                continue
            return False
    return True


def _do(work: Work, path: Source) -> Done:
    article = describe(work.common, path, work.engine)
    file = name(work.common.workspace, path)
    done = Done(article.slug, file, line(path), article.about, article.findings, ())
    if is_refusal(article.findings):
        return done
    workspace = work.common.workspace
    told = tuple(accounts.find(article.quads, workspace.settings.get("stories", {}).get("account", "")))
    if work.folder is None:
        return replace(done, accounts=told)
    written = tuple(_write_article(article, work.folder, workspace))
    sha256 = next(one.sha256 for one in written if one.path.endswith(NQUADS.ending))
    summary = summaries.summarise(article.quads, article.slug, sha256, workspace)
    pieces = dumps.pack(dumps.cut(article.quads, article.slug, work.folder, workspace))
    return replace(done, written=written, summary=summary, pieces=pieces, accounts=told)


_here: list[Work] = []
"""A process's one state: its work, with the shared files read once; a forked process finds it there."""


def _begin(workspace: Workspace, engine: str, folder: Path | None) -> None:
    if not _here:
        _here.append(Work(shared.load(workspace), engine, folder))


def _do_here(path: Source) -> Done:
    return _do(_here[0], path)


def _derive_here(path: Source, *rules: str) -> None:
    """Read an article and derive what some rules make of it, for the time that it takes."""
    work = _here[0]
    chosen = {name: text for name, text in work.common.rules.items() if name in rules}
    describe(replace(work.common, rules=chosen), path, UNJUDGED)


def _do_again(work: Work, path: Source) -> Done:
    """Do the work on an article whose files are there: another program has cleared the cache in the meantime."""
    if work.folder is not None:
        for syntax in ARTICLE_SYNTAXES:  # links to the files of the last build, which are not to be written into
            (work.folder / "article" / f"{slug(path)}{syntax.ending}").unlink(missing_ok=True)
    return _do(work, path)


def _judge_here(path: Source, shape: str) -> None:
    """Validate an article against one shape, for the time that it takes."""
    work = _here[0]
    alone = replace(work.common, shapes=work.common.shapes.alone(shape))
    describe(alone, path, work.engine)


def describe(common: Shared, path: Source, engine: str = FAST) -> Article:
    """Describe the article of one fact file or line, with whatever is wrong with it."""
    file = name(common.workspace, path)
    try:
        misfit = common.workspace.misfit(path) if isinstance(path, Path) and path.exists() else None
        if misfit is not None:
            raise Unreadable(misfit)
        data = load(path, file)
    except Unreadable as error:
        return Article(slug(path), None, (), (error.finding,), Places(file))
    engine_ = _accept if engine == UNJUDGED else ENGINES[engine]
    article = articles.describe(data, slug(path), file, common, engine_, line(path))
    return replace(article, findings=bulk.place_findings(article.findings, file, line(path)))


def judge(common: Shared, data: bytes, slug: str, file: str) -> Article:
    """Describe an article whose fact file would hold this, with whatever would be wrong with it."""
    return articles.describe(data, slug, file, common, ENGINES[FAST])


def _accept(shapes: Shapes, data: str) -> list[ValidationResult]:  # noqa: ARG001  (an engine is called so)
    """Find nothing wrong."""
    return []


def load(source: Source, file: str) -> bytes:
    """Return the bytes of an article's facts; raises Unreadable where there are none."""
    if isinstance(source, Path):
        return documents.load(source, file)
    try:
        return source.load()
    except OSError as error:
        raise Unreadable(finding("unreadable", Place(file), reason=error.strerror or error)) from error


def name(workspace: Workspace, source: Source) -> str:
    """Return what findings call the file that an article stands in."""
    return workspace.name(source if isinstance(source, Path) else source.origin)


def slug(source: Source) -> str:
    """Return what names an article."""
    return source.stem if isinstance(source, Path) else source.slug


def line(source: Source) -> int:
    """Return the line at which an article begins in its file."""
    return 1 if isinstance(source, Path) else source.number


def paths(workspace: Workspace) -> list[Path]:
    """Return the fact files of all articles that have one of their own."""
    return workspace.files("articles", *FACT_FILES)


def find(common: Shared, files: Sequence[Path] = ()) -> tuple[list[Source], list[Finding]]:
    """Return where each article of these *files* stands, of all files where none are given; and what is wrong there.

    Raises OSError where packed files cannot be unpacked into ``.cache/``.
    """
    workspace, sources, findings = common.workspace, list[Source](), list[Finding]()
    aside = workspace.root / ".cache" / "bulk"
    own = [*paths(workspace), *workspace.files("articles", *bulk.ENDINGS)]
    for path in files or [*own, *sorted(workspace.archives, key=workspace.name)]:
        misfit = workspace.misfit(path) if bulk.ends(path.name) else None
        if misfit is not None:
            findings.append(misfit)
        elif bulk.ends(path.name):
            lines, wrong = bulk.read(path, workspace.name(path), common.reader, aside)
            sources += lines
            findings += wrong
        else:
            sources.append(path)
    if not files:
        bulk.tidy(aside, {one.path for one in sources if isinstance(one, Line)})
    return sources, findings


def _write_article(article: Article, folder: Path, workspace: Workspace) -> Iterator[Written]:
    """Write one article in each syntax."""
    prefixes = {**workspace.prefixes, "this": f"{workspace.article(article.slug)}#"}
    for syntax in ARTICLE_SYNTAXES:
        yield output.save(article.quads, folder, f"article/{article.slug}{syntax.ending}", syntax, prefixes)
