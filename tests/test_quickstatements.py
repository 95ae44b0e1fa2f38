from __future__ import annotations

import datetime
import re

import pytest
from pyoxigraph import Literal, NamedNode
from quickstatements_client.model import DateLine, DateQualifier, EntityLine, EntityQualifier, TextLine, TextQualifier

from spacecoop.links import quickstatements
from spacecoop.links.quickstatements import Proposal

XSD = "http://www.w3.org/2001/XMLSchema#"
Q, P = "http://www.wikidata.org/entity/Q", "http://www.wikidata.org/prop/direct/P"


def typed(text: str, datatype: str) -> Literal:
    return Literal(text, datatype=NamedNode(XSD + datatype))


ROW: dict[str, NamedNode | Literal] = {
    "item": NamedNode(f"{Q}66293317"),
    "property": NamedNode(f"{P}619"),
    "value": typed("2018-10", "gYearMonth"),
    "S577": typed("2019-03", "gYearMonth"),
    "S813": typed("2026-11-23", "date"),
    "S854": NamedNode("https://example.org/a?b=1"),
    "because": NamedNode("https://example.org/claim"),
}


def propose(missing: bool | None = True, **changed: NamedNode | Literal) -> Proposal:
    (one,) = quickstatements.propose([{**ROW, **changed}], lambda *_: missing)
    return one


def parsed(line: str) -> DateLine | EntityLine | TextLine:
    """Read a command into the model that others made of QuickStatements V1."""
    item, name, value, *rest = line.split("\t")
    qualifiers = [_qualifier(key, text) for key, text in zip(rest[::2], rest[1::2], strict=True)]
    if date := re.fullmatch(r"\+(\d{4})-(\d\d)-(\d\d)T00:00:00Z/(\d+)", value):
        year, month, day, precision = map(int, date.groups())
        date_ = datetime.date(year, month or 1, day or 1)
        return DateLine(target=date_, precision=precision, subject=item, predicate=name, qualifiers=qualifiers)
    if value.startswith('"'):
        return TextLine(target=value[1:-1], subject=item, predicate=name, qualifiers=qualifiers)
    return EntityLine(target=value, subject=item, predicate=name, qualifiers=qualifiers)


def _qualifier(key: str, text: str) -> EntityQualifier | DateQualifier | TextQualifier:
    if text.startswith("+"):
        return DateQualifier(predicate=key, target=text)
    if text.startswith('"'):
        return TextQualifier(predicate=key, target=text[1:-1])
    return EntityQualifier(predicate=key, target=text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (typed("2018", "gYear"), "+2018-00-00T00:00:00Z/9"),
        (typed("2018-10", "gYearMonth"), "+2018-10-00T00:00:00Z/10"),
        (typed("2018-10-29", "date"), "+2018-10-29T00:00:00Z/11"),
        (NamedNode(f"{Q}142"), "Q142"),
        (Literal("2018-083A"), '"2018-083A"'),
    ],
)
def test_a_command_goes_through_the_model_of_others_unchanged(value: NamedNode | Literal, text: str) -> None:
    line = propose(value=value, P585=typed("2019-03-25", "date")).line

    assert line.split("\t")[:3] == ["Q66293317", "P619", text]
    assert line.split("\t")[3::2] == ["P585", "S577", "S813", "S854"]
    assert parsed(line).get_line(sep="\t") == line


def test_a_title_has_its_language() -> None:
    title = Literal("Une\tplace «à part»", language="fr")

    assert propose(S1476=title).line.endswith('\tS1476\tfr:"Une place «à part»"')


@pytest.mark.parametrize("missing", [False, None])
def test_only_what_is_surely_missing_is_proposed(missing: bool | None) -> None:
    one = propose(missing)

    assert not one.proposed
    assert "left out" in one.reason


@pytest.mark.parametrize("lost", ["S813", "S854"])
def test_nothing_is_proposed_without_a_source(lost: str) -> None:
    (one,) = quickstatements.propose([{key: ROW[key] for key in ROW if key != lost}], lambda *_: True)

    assert not one.proposed
    assert lost in one.reason


@pytest.mark.parametrize("value", [typed("2018/2019", "gYear"), typed("../2019-03-24", "date")])
def test_a_span_is_no_date(value: Literal) -> None:
    assert not propose(value=value).proposed


def test_a_link_to_another_site_is_no_item() -> None:
    assert not propose(item=NamedNode("https://example.org/Q1")).proposed


def test_two_claims_of_the_same_statement_from_one_article_give_one_command() -> None:
    rows = [ROW, dict(reversed(ROW.items()))]

    assert len(quickstatements.propose(rows, lambda *_: True)) == 1
