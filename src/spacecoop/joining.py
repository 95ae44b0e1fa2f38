"""A workspace's articles in; its shared matters with their accounts, proposals of joins, and decisions on them out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pyoxigraph import NamedNode, Quad, Store

from spacecoop import documents, shared, work
from spacecoop.articles import Article
from spacecoop.facts import keys
from spacecoop.findings import Finding, Severity, choose_text
from spacecoop.findings import suggest as closest
from spacecoop.iris import shorten
from spacecoop.queries import library, results, sparql
from spacecoop.queries.library import QueryError
from spacecoop.queries.spool import Spool
from spacecoop.shared import Shared
from spacecoop.stories import joins, reasons, refusals, twins
from spacecoop.stories.joins import Criteria, Proposal
from spacecoop.stories.reasons import Reason, Traits
from spacecoop.stories.refusals import Refusal
from spacecoop.workspace import Workspace

LIST = "stories"
"""The named query that lists the shared matters."""


class JoinError(Exception):
    """Something for the user to repair; it says what, where and what would help."""


class NotValidError(JoinError):
    """A join that validation refuses; the findings say why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("nothing was written; with that join, validation says:")
        self.findings = findings


@dataclass(frozen=True)
class Setup:
    """All that the work on shared matters needs, read once from the sources."""

    workspace: Workspace
    common: Shared
    articles: tuple[Article, ...]

    @property
    def account(self) -> str:
        """The property that leads from an article's matter to the shared one; raises JoinError where none is set."""
        found = self.workspace.settings.get("stories", {}).get("account", "")
        if not found:
            raise JoinError(
                "spacecoop.toml does not say which property leads from an article's matter to the "
                'shared one; add [stories] with account = "https://…"'
            )
        return str(found)

    @property
    def prefixes(self) -> dict[str, str]:
        """The prefixes of the workspace, and each article's name before what is its own."""
        own = {one.slug: f"{self.workspace.article(one.slug)}#" for one in self.articles}
        return {**own, **self.workspace.prefixes}

    @cached_property
    def accounts(self) -> dict[str, str]:
        """By account: the shared matter."""
        account = self.account
        return {
            str(quad.subject)[1:-1]: str(quad.object)[1:-1]
            for one in self.articles
            for quad in one.quads
            if quad.predicate.value == account and isinstance(quad.object, NamedNode)
        }

    @property
    def entities(self) -> Iterator[Quad]:
        """What the shared files say of shared things."""
        home = NamedNode(self.workspace.graph("entities"))
        return (quad for quad in self.common.facts.quads if quad.graph_name == home)


def begin(workspace: Workspace) -> Setup:
    """Read the articles and the shared files, without judging them."""
    common = shared.load(workspace)
    read = (work.describe(common, source, work.UNJUDGED) for source in work.find(common)[0])
    return Setup(workspace, common, tuple(read))


def tell(setup: Setup, matters: Sequence[str] = (), language: str = "en") -> results.Result:
    """Return the shared matters, those of these names or all, each with its accounts, as the sources have them.

    Raises JoinError where a name is unknown, and QueryError where the workspace has no query that lists them.
    """
    folder = setup.workspace.root / "queries"
    if not (folder / f"{LIST}.rq").is_file():
        raise JoinError(
            f"queries/{LIST}.rq is not there; write it: it says what a shared matter is in this "
            "vocabulary, and its rows are listed"
        )
    query = library.find(LIST, folder)
    known = {one.name for one in query.parameters}
    given = {"matter": [find(setup, name) for name in matters], "lang": [language]}
    text = query.bound({key: value for key, value in given.items() if value and key in known}, lambda name, _: name)
    store = Store()
    store.extend(setup.common.facts.quads)
    for one in setup.articles:
        store.extend(one.quads)
    try:
        return results.spool_rows(
            store.query(text, use_default_graph_as_union=True), Spool(sort=not sparql.is_ordered(text))
        )
    except (SyntaxError, ValueError) as error:
        raise QueryError(f"queries/{LIST}.rq: {error}") from error


def find(setup: Setup, name: str) -> str:
    """Return the IRI of a matter by its name, such as ``svom-launch`` or ``a011:launch``; raises JoinError for none."""
    prefix, colon, local = name.replace("#", ":", 1).partition(":")
    iri = f"{setup.prefixes.get(prefix, '')}{local}" if colon else f"{setup.workspace.base}id/{name}"
    there = {node for one in setup.articles for node in one.places.nodes} | set(setup.common.homes)
    if iri in there or name in there:
        return iri if iri in there else name
    own = f"{setup.workspace.base}id/"
    named = (shorten(one, setup.prefixes) for one in there) if colon else (one.removeprefix(own) for one in there)
    near = closest(name, (one for one in named if "/" not in one))
    advice = f"did you mean {near}?" if near else "`spacecoop stories` lists what is shared"
    raise JoinError(f"nothing is called {name!r} here; {advice}")


@dataclass(frozen=True)
class Suggested:
    """Proposals, the best first: of an article's matter and a shared one, and of two shared ones."""

    joins: tuple[Proposal, ...]
    pairs: tuple[Proposal, ...]


def suggest(setup: Setup, names: Sequence[str] = (), least: float | None = None, most: int = 3) -> Suggested:
    """Propose joins, all or those of some articles and matters; nothing is decided, nor written.

    Raises JoinError where something that is needed is missing, or a name is unknown.
    """
    asked = reasons.read(setup.workspace) if setup.account else []
    if not asked:
        raise JoinError(
            f"{reasons.FOLDER}/ has no query; each one there says what may show that two matters are "
            "one, with a weight. docs/stories.md tells how to write one"
        )
    least = _least(setup.workspace) if least is None else least
    loose, held = _traits(setup, asked)
    criteria = Criteria(asked, [*loose.values(), *held.values()])
    wanted = [_resolve(setup, name) for name in names]

    def is_wanted(proposal: Proposal) -> bool:
        return not wanted or any(
            iri == start or iri.startswith(f"{start}#") for iri in (proposal.one, proposal.other) for start in wanted
        )

    never = refusals.pairs(refusals.load(setup.workspace), setup.prefixes)
    proposed = filter(is_wanted, joins.propose(loose, held, criteria, never))
    pairs = filter(is_wanted, joins.pair(held, criteria, never))
    return Suggested(tuple(joins.best(proposed, least, most)), tuple(joins.best(pairs, least, most)))


def _least(workspace: Workspace) -> float:
    return float(workspace.settings.get("stories", {}).get("least", twins.LEAST))


def _resolve(setup: Setup, name: str) -> str:
    """Return the IRI of an article's document or of a matter."""
    slug = Path(name).stem if "/" in name else name
    return setup.workspace.article(slug) if any(one.slug == slug for one in setup.articles) else find(setup, name)


def _traits(setup: Setup, asked: Sequence[Reason]) -> tuple[dict[str, Traits], dict[str, Traits]]:
    """Return what is found of each matter that no shared one is named for, and of each shared one with its accounts."""
    of_articles: dict[str, Traits] = {}
    for article in setup.articles:
        own = f"{setup.workspace.article(article.slug)}#"
        found = reasons.find(article.quads, asked)
        of_articles |= {matter: traits for matter, traits in found.items() if matter.startswith(own)}
    told: defaultdict[str, list[Traits]] = defaultdict(list)
    for one, matter in setup.accounts.items():
        told[matter].append(of_articles.pop(one, Traits()))
    of_entities = reasons.find(setup.entities, asked)
    held = {matter: traits.merge(told[matter]) for matter, traits in of_entities.items()}

    return (
        {matter: traits for matter, traits in of_articles.items() if reasons.is_matter(traits, asked)},
        {matter: traits for matter, traits in held.items() if reasons.is_matter(traits, asked)},
    )


@dataclass(frozen=True)
class Decision:
    """What a person decided about two matters."""

    one: str
    """As it is named on the command line; of an article, such as ``a011:launch``."""
    other: str
    reviewer: str = ""
    because: str = ""
    date: str = ""


def accept(setup: Setup, decision: Decision) -> tuple[str, str]:
    """Write that an article's matter is an account of the shared one; return the fact file and the line.

    Raises JoinError where that is not possible, is refused by validation, or was rejected before; then nothing is
    written.
    """
    one, other = find(setup, decision.one), find(setup, decision.other)
    article = next((each for each in setup.articles if one.startswith(f"{setup.workspace.article(each.slug)}#")), None)
    if article is None:
        raise _refuse_account(setup, one, other)
    if one in setup.accounts:
        raise _refuse_second_join(setup, article, one)
    _check_refusals(setup, one, other)
    path = setup.workspace.root / article.places.file
    data = documents.load(path, article.places.file)
    text, line = _join(setup, article, documents.decode(data, article.places.file), one, other)
    before = work.judge(setup.common, data, article.slug, article.places.file)
    after = work.judge(setup.common, text.encode(), article.slug, article.places.file)
    new = [found for found in _violations(after) if _gist(found) not in {_gist(old) for old in _violations(before)}]
    if new:
        raise NotValidError(new)
    documents.save(path, text)
    return article.places.file, line


def _check_refusals(setup: Setup, one: str, other: str) -> None:
    """Raise JoinError where somebody rejected this pair."""
    for refusal in refusals.load(setup.workspace):
        if (one, other) in refusals.pairs([refusal], setup.prefixes):
            raise JoinError(
                f"{refusal.place}: that pair was rejected on {refusal.date} by {refusal.reviewer} ({refusal.because}); "
                "delete the line first"
            )


def _refuse_second_join(setup: Setup, article: Article, one: str) -> JoinError:
    """Return that a matter of an article is an account already, and where that is said."""
    place, other = article.places.find(one, setup.account), setup.accounts[one]
    names = [shorten(each, setup.prefixes) for each in (one, other)]
    return JoinError(f"{place}: {names[0]} is an account of {names[1]} already; to change that, change it there")


def _violations(article: Article) -> list[Finding]:
    return [found for found in article.findings if found.severity is Severity.VIOLATION]


def _gist(found: Finding) -> tuple[str, str, str]:
    return found.rule, choose_text(found.message, "en"), str(sorted(found.result.items()))


def _refuse_account(setup: Setup, one: str, other: str) -> JoinError:
    """Return why what is no article's matter cannot be an account; and what to do with two that are shared."""
    homes, short = setup.common.homes, [shorten(each, setup.prefixes) for each in (one, other)]
    if one not in homes or other not in homes:
        return JoinError(
            f"{short[0]} is no matter of an article; say it as `a011:launch`: the article, and its name there"
        )
    accounts = [shorten(each, setup.prefixes) for each, matter in sorted(setup.accounts.items()) if matter == other]
    told = ", ".join(accounts) or "—"
    return JoinError(
        f"{short[0]} and {short[1]} are both shared matters: to make them one, write the name of the "
        f"one that stays in the accounts of the other ({told}), and delete the other from "
        f"{homes[other]}"
    )


def _join(setup: Setup, article: Article, source: str, one: str, other: str) -> tuple[str, str]:
    """Return the text of a fact file with the join in it, and the line that says it."""
    file, account = article.places.file, setup.account
    if file.endswith((".ttl", ".trig")):
        line = f"<{one}> <{account}> <{other}> ."
        return f"{source.rstrip()}\n\n{line}\n", line
    if not file.endswith(shared.FACT_FILES):  # a file of many articles
        line = f"<{account}> <{other}>"
        raise JoinError(
            f"{article.places.find(one)}: there is no place for a line more that would change nothing "
            f"else; write `{line}` there by hand"
        )
    scope = setup.common.reader.scope
    key = next((name for name in sorted(scope.names()) if scope.predicate(name) == account), None)
    if key is None:
        raise JoinError(f"ontology/context.jsonld has no key for <{account}>, so that no fact file can say it; add one")
    place, value = article.places.find(one), other.removeprefix(f"{setup.workspace.base}id/")
    text = keys.add(source, documents.read(source.encode(), file), place, key, value)
    line = f"{key}: {value}"
    if text is None:
        raise JoinError(
            f"{place}: there is no place for a line more that would change nothing else; write `{line}` there by hand"
        )
    return text, line


def reject(setup: Setup, decision: Decision) -> str:
    """Remember that two matters are not one, so that nobody proposes it again; return the line.

    Raises JoinError where one of them is unknown, is an account of the other, or was rejected before.
    """
    one, other = find(setup, decision.one), find(setup, decision.other)
    names = [shorten(each, setup.prefixes) for each in (one, other)]
    for each, matter in ((one, other), (other, one)):
        if setup.accounts.get(each) == matter:
            article = next(a for a in setup.articles if each.startswith(f"{setup.workspace.article(a.slug)}#"))
            raise _refuse_second_join(setup, article, each)
    _check_refusals(setup, one, other)
    path = setup.workspace.root / refusals.FILE
    text = documents.decode(documents.load(path, refusals.FILE), refusals.FILE) if path.is_file() else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = Refusal(
        line=0, one=names[0], other=names[1], reviewer=decision.reviewer, date=decision.date, because=decision.because
    )
    documents.save(path, refusals.add(text, new))
    return "  ".join((new.one, new.other, new.because))
