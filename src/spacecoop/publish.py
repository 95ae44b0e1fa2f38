"""The whole program on one page: a workspace in, a published dataset out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

from pyoxigraph import NamedNode, Quad

from spacecoop import articles, documents, folders, gathering, output, quads, shared, standing, work
from spacecoop.cache import Cache, Unbelievable, clear
from spacecoop.documents import Unreadable
from spacecoop.facts import bulk
from spacecoop.findings import Finding, Place, finding, is_refusal, sort
from spacecoop.folders import MANIFEST, PAGES, Waiting
from spacecoop.harvest import description, dumps, files, history, site, summaries
from spacecoop.harvest.counting import Counting
from spacecoop.output import Written
from spacecoop.pages import ask, kept, libraries, writing
from spacecoop.pages.faults import PageError
from spacecoop.progress import Progress, silent
from spacecoop.queries import library
from spacecoop.queries.library import QueryError
from spacecoop.shapes import ENGINES
from spacecoop.shared import FACT_FILES, Shared
from spacecoop.stories import accounts, reasons, refusals, twins
from spacecoop.work import ARTICLE_SYNTAXES, FAST, Run, Source, Work, each
from spacecoop.workspace import Workspace

_ONCE = "not-revised"
"""The rule whose findings are said once: they compare with the history, which the build goes on with."""


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
    layout: dumps.Layout = field(default_factory=dict, repr=False)
    """Where each article begins in the dumps, if they were written now."""


def publish(
    workspace: Workspace,
    engine: str = FAST,
    progress: Progress = silent,
    cached: bool = True,
    waiting: Waiting = folders.wait_silently,
    pages: bool = True,
    run: Run | None = None,
) -> Published:
    """Publish the workspace into its ``out/``, whole; or raise Rejected with every reason at once.

    One build at a time: another one is waited for. Files in ``out/`` that no build wrote stay there, and are told.
    Without *pages*, the data alone. Where out/ is what a build of the same inputs wrote, it stays as it is. *run* does
    the work on the articles (see ``work.each``).
    """
    once = partial(
        _publish,
        workspace,
        engine=engine,
        progress=progress,
        cached=cached,
        waiting=waiting,
        pages=pages,
        run=run,
    )
    try:
        return once()
    except Unbelievable:  # nothing was written yet
        clear(workspace.root / ".cache", [kept.FOLDER])
        return once()


def _publish(
    workspace: Workspace,
    engine: str,
    progress: Progress,
    cached: bool,
    waiting: Waiting,
    pages: bool,
    run: Run | None,
) -> Published:
    with folders.hold(workspace.root / ".cache" / "build.lock", waiting):
        given, past = standing.inputs(workspace, engine, pages), workspace.root / history.HISTORY
        there = standing.find(workspace, past, given) if cached else None
        if there is not None:
            folders.tidy(workspace.out)
            return _add_strangers(Published(there.files, there.articles, there.findings), there.strangers, workspace)
        with folders.replace(workspace.out) as folder:
            published = write(
                workspace=workspace,
                folder=folder,
                engine=engine,
                progress=progress,
                cached=cached,
                pages=pages,
                run=run,
            )
            last = workspace.root / ".cache" / "built.json"  # the manifest may be another branch's
            built = folders.list_names(workspace.out) | folders.read_names(last)
            libraries.copy(workspace.root / ".cache" / libraries.FOLDER, folder / libraries.FOLDER)
            strangers = folders.carry_over(workspace.out, folder, built)
            last.write_text(json.dumps([{"path": one.path} for one in published.files]), "utf-8")
            history.keep(folder, workspace)  # before out/: a build that dies here is done again, and adds nothing
            ended = standing.now()
        dumps.keep_layout(published.layout, workspace)
        if given == standing.inputs(workspace, engine, pages):  # nobody edited a source in the meantime
            lasting = [found for found in published.findings if found.rule != _ONCE]
            standing.keep(
                workspace=workspace,
                history=past,
                given=given,
                files=published.files,
                articles=published.articles,
                findings=lasting,
                ended=ended,
            )
    return _add_strangers(published, strangers, workspace)


def _add_strangers(published: Published, strangers: Iterable[str], workspace: Workspace) -> Published:
    """Return the same, with a finding for each file that no build wrote, and where out/ is a link."""
    known = libraries.names()
    told = [finding("out-kept", Place(f"{workspace.out.name}/{name}")) for name in strangers if name not in known]
    if workspace.out.is_symlink():
        told.append(finding("out-link", Place(workspace.out.name), path=workspace.out.resolve()))
    return replace(published, findings=(*published.findings, *told))


def check(
    workspace: Workspace, engine: str = FAST, progress: Progress = silent, pages: bool = True, run: Run | None = None
) -> list[str]:
    """Return the files in ``out/`` that are not what the sources give; raises Rejected as publish does.

    A file that is not there is proven by its digest in the manifest: version control holds a part of ``out/`` only.
    """
    with tempfile.TemporaryDirectory() as folder:
        write(
            workspace=workspace,
            folder=Path(folder),
            engine=engine,
            progress=progress,
            cached=False,
            pages=pages,
            run=run,
        )
        stale = folders.compare(Path(folder), workspace.out)
        absent = find_absent(workspace, Path(folder)) | libraries.names()
        if not history.is_kept(Path(folder), workspace):
            stale.append(f"../{history.HISTORY}")
    return [name for name in stale if name not in absent]


def find_absent(workspace: Workspace, built: Path | None = None) -> set[str]:
    """Return the files that the manifest of ``out/`` lists and that are not there.

    Where the list of the pages is not there either, that of a folder that was *built* anew tells their names: the
    manifest has its digest.
    """
    listed = folders.list_names(workspace.out)
    if built is not None and PAGES in listed and not (workspace.out / PAGES).is_file():
        listed |= folders.read_names(built / PAGES)
    return {name for name in listed if not (workspace.out / name).is_file()}


def validate(
    workspace: Workspace,
    sources: Sequence[Path] = (),
    engine: str = FAST,
    progress: Progress = silent,
    cached: bool = True,
    run: Run | None = None,
) -> list[Finding]:
    """Return all findings on these fact files, and on the shared files; on all articles where none are given."""
    common = shared.load(workspace)
    found, findings = work.find(common, sources)
    done = each(Work(common, engine), found, progress, cached, run, not sources)
    gathered = gathering.gather(done, Counting(summaries.scope(workspace)))
    findings += _judge_whole(common, engine, found if not sources else work.find(common)[0])
    if not sources:
        findings += _twins(gathered.accounts, common)
    return sort([*findings, *gathered.findings])


def write(
    workspace: Workspace,
    folder: Path,
    engine: str,
    progress: Progress,
    cached: bool,
    pages: bool = True,
    run: Run | None = None,
) -> Published:
    """Write all that is published into an empty folder; raises Rejected where something forbids it."""
    common = shared.load(workspace)
    sources, findings = work.find(common)
    findings += _judge_whole(common, engine, sources)
    counting = Counting(summaries.scope(workspace))
    gathered = gathering.gather(each(Work(common, engine, folder), sources, progress, cached, run), counting)
    findings += [*gathered.findings, *_twins(gathered.accounts, common)]
    if is_refusal(findings):
        raise Rejected(sort(findings))
    written, published = gathered.written, gathered.editions
    findings += [finding(_ONCE, gathered.places[slug]) for slug in history.find_unrevised(published, workspace)]
    described = description.describe(workspace, common.facts.quads, published, counting.bounds)
    core = description.core(described, [*dumps.NAMES, *dumps.block_names(workspace)])
    together = quads.arrange(
        [*common.facts.quads, *_compare(gathered.accounts, workspace), *_questions(workspace), *core]
    )
    counting.add_common(f"{quad.triple} ." for quad in together)
    whole, blocks, layout = dumps.write(gathered.pieces, together, gathered.statements, folder, workspace, cached)
    written += [*whole, *blocks]
    context = site.Context(
        files=common.files,
        shared=together,
        described=described,
        counts=counting.counts(),
        published=published,
        whole=whole,
        blocks=blocks,
        cached=cached,
        pages=pages,
    )
    harvested = site.write(context, workspace, folder)
    written += harvested.written
    for_people: list[Written] = []
    if pages:
        for_people += _write_query_scripts(counting, workspace, folder)
        for_people += _write_pages(common.facts.quads, context, harvested, workspace, folder)
        written.append(_write_list(for_people, PAGES, folder, workspace))
    written.append(files.write_checksums([*written, *for_people], folder))
    _write_list(written, MANIFEST, folder, workspace)
    return Published((*written, *for_people), gathered.articles, tuple(sort(findings)), layout)


def _write_query_scripts(counting: Counting, workspace: Workspace, folder: Path) -> Iterator[Written]:
    """Write what the page reads on which SPARQL is asked in the reader's own browser."""
    counts = counting.counts()
    queries = [
        ask.Named(name, library.standalone(query, workspace.base, workspace.prefixes))
        for name, query in _read_named(workspace).items()
    ]
    offered = ask.Offered(workspace.prefixes, list(counts.classes), list(counts.properties))
    for name, text in ask.render(queries, offered):
        yield files.write_text(folder, name, text)


def _read_named(workspace: Workspace) -> dict[str, library.Query]:
    defaults = workspace.settings.get("query", {}).get("defaults", {})
    return library.every(workspace.root / "queries", defaults, workspace.outside)


def _write_pages(
    facts: Sequence[Quad], context: site.Context, harvested: site.Harvested, workspace: Workspace, folder: Path
) -> list[Written]:
    """Write what people read; raises Rejected where a template or a query of the site is wrong."""
    slugs = [f"article/{one.slug}" for one in context.published]
    endings = {path: [syntax.ending for syntax in ARTICLE_SYNTAXES] for path in slugs}
    made = writing.Site(
        workspace=workspace,
        facts=facts,
        around=[*context.shared, *chain.from_iterable(harvested.documents.values())],
        articles=slugs,
        documents={**harvested.endings, **endings},
        described=context.described,
        whole=context.whole,
        statements=context.whole[0].statements,
        schema_org=harvested.schema_org,
        feed=harvested.feed,
        named=list(_read_named(workspace).values()),
        cached=context.cached,
    )
    try:
        return writing.write(made, folder)
    except PageError as error:
        raise Rejected(sort(error.findings)) from error


def _judge_whole(common: Shared, engine: str, sources: Iterable[Source]) -> list[Finding]:
    """Return what is wrong with the workspace beside its articles."""
    findings = articles.examine(common.facts, common.workspace.base, common, ENGINES[engine])
    findings += common.workspace.misfits("queries", ".rq")
    findings += library.check(common.workspace.files("queries", ".rq"), common.workspace)
    findings += _judge_files(common)
    wrong = accounts.check(_read_comparing(common.workspace))
    findings += [_blame_rule(name, reason) for name, reason in wrong.items()]
    places = [(work.slug(one), Place(work.name(common.workspace, one), work.line(one))) for one in sources]
    if not places:
        findings.append(finding("no-articles", Place("articles"), folder="articles"))
    first: dict[str, Place] = {}
    for id_, place in places:
        if id_ in first:
            findings.append(finding("duplicate-id", place, id=id_, first=first[id_].where()))
        first.setdefault(id_, place)
    return findings


def _judge_files(common: Shared) -> list[Finding]:
    """Return what is named like a file of the workspace and is not read; and that there are no shapes to judge by."""
    place = common.workspace
    findings = [
        *shared.misfits(place),
        *place.misfits("articles", *FACT_FILES, *bulk.ENDINGS),
    ]
    try:
        refusals.load(place)
    except Unreadable as error:
        findings.append(error.finding)
    if not common.shapes.is_able():
        findings.append(finding("no-shapes", Place("shapes"), folder="shapes"))
    return findings


def _twins(told: Iterable[tuple[str, str]], common: Shared) -> list[Finding]:
    """Return a finding for each two shared matters that ought to be one, by the reasons of the workspace."""
    place = common.workspace
    settings = place.settings.get("stories", {})
    home = NamedNode(place.graph("entities"))
    try:
        asked, never = reasons.read(place), refusals.pairs(refusals.load(place), place.prefixes)
        if not asked or "account" not in settings:
            return []
        found = twins.find(
            entities=[quad for quad in common.facts.quads if quad.graph_name == home],
            told=told,
            joins_by=settings["account"],
            asked=asked,
            refused=never,
            least=settings.get("least", twins.LEAST),
            kept=Cache(place.root / ".cache" / "twins"),
        )
    except QueryError as error:
        file, _, reason = str(error).partition(": ")
        return [finding("query", Place(file), reason=reason)]
    except Unreadable:
        return []  # it is told of the file
    return [twins.tell(one, common.facts.places.nodes, place.prefixes) for one in found]


def _compare(told: Iterable[tuple[str, str]], workspace: Workspace) -> list[Quad]:
    """Compare the accounts of each shared matter by the workspace's rules; raises Rejected where a rule cannot run."""
    rules = _read_comparing(workspace)
    groups = accounts.group(told)
    kept = Cache(workspace.root / ".cache" / "comparisons")
    try:
        return accounts.compare(groups, rules, workspace.graph("comparisons"), kept)
    except accounts.CompareError as error:
        name, reason = error.args
        raise Rejected([_blame_rule(name, reason)]) from error


def _read_comparing(workspace: Workspace) -> dict[str, str]:
    """Return the rules by which accounts are compared, by the names of their files; raises Unreadable."""
    files_ = workspace.files("queries/compare", ".rq")
    return {path.name: documents.text(path, workspace.name(path)) for path in files_}


def _blame_rule(name: str, reason: object) -> Finding:
    """Return the finding that a rule by which accounts are compared cannot be used."""
    return finding("derive", Place(f"queries/compare/{name}"), name=name, reason=reason)


def _questions(workspace: Workspace) -> list[Quad]:
    """Return the workspace's named queries as RDF."""
    return list(
        library.as_rdf(_read_named(workspace).values(), workspace.graph("queries"), workspace.base, workspace.prefixes)
    )


def _write_list(written: Iterable[Written], name: str, folder: Path, workspace: Workspace) -> Written:
    with (folder / name).open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(f'{{\n "dataset": {json.dumps(workspace.base)},\n "files": [')
        between = "\n"
        for one in sorted(written, key=lambda one: one.path):  # a row at a time: there may be a million
            named = json.dumps(one.path)
            stream.write(
                f'{between}  {{\n   "path": {named},\n   "bytes": {one.bytes},\n   "sha256": "{one.sha256}",\n'
            )
            stream.write(f'   "statements": {one.statements}\n  }}')
            between = ",\n"
        stream.write("\n ]\n}\n")
    return output.measure(folder, folder / name, 0)
