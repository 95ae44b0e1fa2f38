"""A private text in, the draft of a fact file out: the story of drafting on one page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from pathlib import Path
from string import ascii_uppercase

from spacecoop import documents, shared
from spacecoop.drafts import judging, models, names, proposals, review, rules, vocabulary, writing
from spacecoop.drafts.candidates import Candidate, Reading
from spacecoop.drafts.models import Model
from spacecoop.drafts.names import Gazetteer
from spacecoop.drafts.review import Reviewed
from spacecoop.drafts.rules import Rules
from spacecoop.facts import texts
from spacecoop.facts.texts import Text
from spacecoop.findings import Finding, Place, finding, is_refusal
from spacecoop.shared import FACT_FILES, Shared
from spacecoop.workspace import Workspace

FOLDER = "drafting"
DROPPED = "dropped.tsv"
TEMPLATE = "draft.yaml.jinja"


@dataclass(frozen=True)
class Source:
    """A text, and what a person says of the article that it is of."""

    slug: str
    file: str
    text: Text
    url: str | None
    language: str
    published: date | None
    publisher: str | None


@dataclass(frozen=True)
class Setup:
    """All that drafting needs of a workspace, read once."""

    workspace: Workspace
    rules: Rules
    names: Gazetteer
    choices: Mapping[str, Sequence[str]]
    """By key: the values that the workspace has for it."""


@dataclass(frozen=True)
class Draft:
    """A proposal: the fact file, the file of what is missing in entities/ if anything is, and remarks."""

    source: str
    missing: str | None
    reading: Reading
    findings: tuple[Finding, ...]
    dropped: tuple[str, ...] = ()
    """The digests of what a person dropped."""


class Refused(Exception):
    """No draft can be made; the findings say why."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(self.findings)


def set_up(workspace: Workspace) -> Setup:
    """Read rules and names; raises RulesError or Unreadable where they cannot be used."""
    read = rules.read(workspace.root / FOLDER)
    common = _common(shared.load(workspace), read)
    found = names.gather(vocabulary.things(common, read), read.known)
    sides = {found.same.get(one, one): found.same.get(side, side) for one, side in read.sides.items()}
    labels = {key: vocabulary.labels(common, read, key) for key in read.lasting}
    return Setup(workspace, replace(read, sides=sides, labels=labels), found, vocabulary.choices(common, read))


def _common(common: Shared, read: Rules) -> vocabulary.Common:
    """Return what of the shared files tells names and values."""
    schemes = {}
    for key in read.keys:
        around = common.reader.belongs.get(key)
        scope = common.reader.scope.enter(around) if around else common.reader.scope
        term = scope.term(key)
        if term and term.type == "@vocab" and (iri := scope.predicate(key)):
            schemes[key] = (iri, scope.enter(key).iri("-", vocabulary=True)[:-1])
    return vocabulary.Common(f"{common.workspace.base}id/", common.facts.quads, common.homes, schemes)


def everything(reading: Reading) -> Reviewed:
    """Keep every candidate."""
    return Reviewed(reading.candidates, ())


def draft(
    setup: Setup,
    source: Source,
    choose: Callable[[Reading], Reviewed] = everything,
    model: Model | None = None,
) -> Draft:
    """Propose a fact file, by rules or by a model; *choose* says what is kept of the candidates.

    Raises Refused where nothing can be drafted from the text, ModelError where a model gives no answer.
    """
    words = source.text.words
    keys = writing.list_keys(setup.workspace.root / FOLDER / TEMPLATE)
    against = list(judging.judge(words, source.language, setup.rules, source.file, keys))
    files, used = _others(setup.workspace, source.text.sha256)
    against += [finding("draft-known", Place(source.file), known=name) for name in files]
    if is_refusal(against):
        raise Refused(against)
    besides = frozenset([source.publisher or ""])
    reading = proposals.read(words, source.language, setup.rules, setup.names, source.published, besides=besides)
    others = sorted({one.language for one in reading.sentences} - {source.language})
    if others and not any(one.rule == "draft-language" for one in against):
        against.append(finding("draft-mixed", Place(source.file), languages=", ".join(others)))
    origin, named = "rules", ""
    if model is not None:
        answer = _ask_model(setup, source, reading, model)
        reading, named = replace(reading, candidates=answer.candidates), answer.model
        origin = f"model {answer.model} at {model.endpoint}"
        against += answer.findings
    before = _read_dropped(setup.workspace)
    fresh = tuple(one for one in reading.candidates if review.digest(one) not in before)
    reviewed = choose(replace(reading, candidates=fresh))
    reading = replace(reading, candidates=reviewed.kept)
    if not reading.candidates:
        against.append(finding("draft-nothing", Place(source.file)))
    against += _ambiguous(reading, source)
    file = _file(setup, source, reading.candidates, used, origin, named)
    dropped = tuple(review.digest(one) for one in reviewed.dropped)
    return Draft(file, _missing(setup, source, reading), reading, tuple(against), dropped)


def _ask_model(setup: Setup, source: Source, reading: Reading, model: Model) -> models.Answer:
    """Ask a model; the fence around the text is made of the text's digest, which no text can hold."""
    path = setup.workspace.root / FOLDER / "model.txt"
    try:
        instructions = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise rules.RulesError(f"{path}: {error}") from error
    types = {name: thing.types for name, thing in setup.names.things.items()}
    fence = f"article-{source.text.sha256[:24]}"
    ground = models.Ground(
        words=source.text.words,
        reading=reading,
        types=types,
        parties=setup.rules.parties,
        concerned=setup.rules.things,
        choices=setup.choices,
        defaults=setup.rules.values,
        values=lambda sentence: proposals.values(sentence, setup.rules),
    )
    return models.propose(model, instructions, fence, ground, source.file, send)


def send(model: Model, body: Mapping[str, object]) -> bytes:
    """Send a question to a model and return its answer; raises ModelError."""
    from spacecoop import exchange  # loads a client, for which rules alone need not wait

    headers = {"Content-Type": "application/json"}
    try:
        answer = exchange.send(
            "POST",
            f"{model.endpoint.rstrip('/')}/chat/completions",
            seconds=model.seconds,
            body=json.dumps(body).encode(),
            headers=headers,
            largest=models.LONGEST_ANSWER,
            auth=exchange.authenticate("bearer", secret=model.key) if model.key else None,
            proxies=False,  # a private text goes to the model that was named, and nowhere else
        )
    except (exchange.TooLarge, exchange.TooLong) as error:
        raise models.ModelError(str(error)) from error
    except exchange.ExchangeError as error:
        raise models.ModelError(f"it cannot be asked ({error})") from error
    if answer.status != 200:
        raise models.ModelError(f"it answers with status {answer.status}")
    return answer.body.read()


def remember(workspace: Workspace, slug: str, digests: Iterable[str]) -> None:
    """Keep what was dropped, by digests of its sentences, so that it is not proposed again."""
    path = workspace.root / FOLDER / DROPPED
    rows = {f"{digest}\t{slug}" for digest in digests}
    old = path.read_text("utf-8").splitlines()[1:] if path.is_file() else []
    documents.save(path, "\n".join(["sha256\tarticle", *sorted({*old, *rows})]) + "\n")


def _read_dropped(workspace: Workspace) -> set[str]:
    path = workspace.root / FOLDER / DROPPED
    lines = path.read_text("utf-8").splitlines()[1:] if path.is_file() else []
    return {line.partition("\t")[0] for line in lines}


def _others(workspace: Workspace, digest: str) -> tuple[list[str], set[str]]:
    """Return which fact files are of this text already, and the prefixes of claims' names that are taken."""
    found, used = [], set[str]()
    for path in workspace.files("articles", *FACT_FILES):
        data = documents.load(path, workspace.name(path))
        if digest.encode() in data:
            found.append(workspace.name(path))
        used |= {one.decode() for one in re.findall(rb"this:([A-Z]{1,3})-\d", data)}
    return found, used


def _prefix(used: set[str]) -> str:
    """Return the first name for claims that no other article has: A to Z, AA to ZZ, AAA to ZZZ."""
    letters = ("".join(one) for length in (1, 2, 3) for one in product(ascii_uppercase, repeat=length))
    return next(one for one in letters if one not in used)


def _file(
    setup: Setup, source: Source, candidates: tuple[Candidate, ...], used: set[str], origin: str, model: str
) -> str:
    values: dict[str, object] = {
        "origin": origin,
        "model": model,  # published with the record; where it was asked is nobody's business
        "url": source.url,
        "publisher": source.publisher or "",
        "language": source.language,
        "published": source.published or "",
        "sha256": source.text.sha256,
        "code_points": len(source.text.words),
        "creator": setup.workspace.publisher,
        "prefix": _prefix(used),
        "candidates": candidates,
    }
    return writing.fill(setup.workspace.root / FOLDER / TEMPLATE, values)


def _missing(setup: Setup, source: Source, reading: Reading) -> str | None:
    """Return proposals for what the text names and the workspace does not have."""
    named = {thing for one in reading.mentions for thing in one.things}
    used = {part.id for one in reading.candidates for part in one.parties}
    used |= {thing for one in reading.candidates for thing in one.things}
    wanted = [setup.names.things[one] for one in sorted(named | used) if not setup.names.things[one].known]
    unknown = list(dict.fromkeys(one.words for one in reading.mentions if not one.things))
    if not wanted and not unknown:
        return None
    values: dict[str, object] = {"slug": source.slug, "language": source.language, "things": wanted, "names": unknown}
    return writing.fill(setup.workspace.root / FOLDER / "entities.yaml.jinja", values)


def _ambiguous(reading: Reading, source: Source) -> list[Finding]:
    """Tell each name that is the name of several things."""
    several = {(one.words, one.things): one for one in reversed(reading.mentions) if len(one.things) > 1}
    found = []
    for (words, things), one in several.items():
        before = source.text.words[: one.start]
        place = Place(source.file, before.count("\n") + 1, one.start - before.rfind("\n"))
        found.append(finding("draft-ambiguous", place, name=words, things=", ".join(things)))
    return sorted(found, key=lambda one: one.place)


def open_text(path: Path) -> Text:
    """Read a private text; raises Unreadable where it is none."""
    return texts.read(path)
