"""Whatever stands in spacecoop.toml, or in a query's front matter, is judged at its line, without a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spacecoop import cli, publish, workspace
from spacecoop.settings import locate

LATER = {
    "an account": ("stories.account", "7"),
    "licence": ("dataset.licence", "7"),
    "publisher": ("dataset.publisher", '["a"]'),
    "title": ("dataset.title", '"only one"'),
    "languages": ("dataset.languages", '"en"'),
    "begins": ("catalog.begins", "1"),
    "ends": ("catalog.ends", '["earliest"]'),
    "version": ("catalog.version", "0.1"),
    "home": ("catalog.home", '"out"'),
    "keywords": ("catalog.keywords", '{en = "a"}'),
    "description": ("catalog.description", "{principle = 'a'}"),
    "themes": ("catalog.themes", '["a"]'),
    "theme": ("catalog.themes", '[{label = {en = "a"}}]'),
    "target": ("catalog.targets", '[{name = 3, iri = "x", title = "t", namespace = "n"}]'),
    "contact": ("catalog.contact", "{email = 1}"),
    "half a contact": ("catalog.contact", '{name = "a"}'),
    "no address": ("catalog.contact", '{name = "a", email = "a b"}'),
    "type of publisher": ("catalog.publisher_type", '"a b"'),
    "frequency": ("catalog.frequency", '"%s%(x)d"'),
    "page": ("feed.page", '"many"'),
    "no page": ("feed.page", "0"),
    "confidence": ("links.confidence", '"high"'),
    "infinite": ("links.pause", "inf"),
    "ids": ("links.ids", "[]"),
    "store": ("stores.mine", "3"),
    "url": ("stores.mine.url", "3"),
    "endpoint": ("endpoints.wikidata", "true"),
    "defaults": ("query.defaults.about", '"cfosat"'),
    "prefix": ("prefixes.Bad_one", '"https://example.org/"'),
    "namespace": ("prefixes.good", '"no iri"'),
    "graph": ("graphs.extra", '["a"]'),
    "rest": ("graphs.provenance", "[]"),
}
"""What is wrong, as a setting and its value."""


def set_to(root: Path, key: str, value: str) -> None:
    """Set one setting, whatever it was."""
    path = root / "spacecoop.toml"
    table, _, name = key.rpartition(".")
    lines = [line for line in path.read_text("utf-8").splitlines() if not re.match(rf"{name}\s*=", line)]
    kept, skip = [], False
    for line in lines:
        skip = line.startswith((f"[{key}]", f"[{key}.", f"[[{key}]")) or (skip and not line.startswith("["))
        kept += [] if skip else [line]
    if f"[{table}]" in kept:
        kept.insert(kept.index(f"[{table}]") + 1, f"{name} = {value}")
    else:
        kept += [f"[{table}]", f"{name} = {value}"]
    path.write_text("\n".join(kept) + "\n", "utf-8")


@pytest.mark.parametrize("case", LATER)
@pytest.mark.parametrize("command", ["validate", "build"])
def test_a_setting_of_the_wrong_kind_is_told_at_its_line(
    birds: Path, case: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key, value = LATER[case]
    set_to(birds, key, value)

    code = cli.main(["-C", str(birds), command])

    told = capsys.readouterr().err
    line = int(re.findall(r"spacecoop\.toml:(\d+):", told)[0])
    assert code == cli.REPAIR
    assert (
        key.split(".")[-2 if case == "rest" else -1]
        in (birds / "spacecoop.toml").read_text("utf-8").splitlines()[line - 1]
    )
    assert "Traceback" not in told


def test_every_setting_that_is_wrong_is_told_at_once_in_the_language_asked_for(
    birds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_to(birds, "dataset.licence", "7")
    set_to(birds, "feed.page", "0")

    cli.main(["-C", str(birds), "--lang", "fr", "build"])

    told = capsys.readouterr().err
    assert "dataset.licence est 7, et doit être un IRI" in told
    assert "feed.page est 0, et doit être un nombre entier, au moins 1" in told


def test_settings_that_are_no_toml_are_told_at_their_line(birds: Path) -> None:
    (birds / "spacecoop.toml").write_text("[dataset]\nbase = \n", "utf-8")

    with pytest.raises(workspace.WorkspaceError, match=r"spacecoop\.toml:2:8: .*not TOML"):
        workspace.read(birds)


def test_a_setting_is_found_in_lists_of_tables_and_under_quoted_keys() -> None:
    text = '[[a.b]]\nc = 1\n[[a.b]]\nc = 2\n[d]\n  "e:f" = 3\n'

    assert locate(text, ("a", "b", 1, "c")) == (4, 1)
    assert locate(text, ("d", "e:f")) == (6, 3)
    assert locate(text, ("d", "missing")) == (5, 1)


def test_a_key_that_is_no_language_in_front_matter_is_a_finding_at_its_line(birds: Path) -> None:
    query = next((birds / "queries").glob("*.rq"))
    lines = [line for line in query.read_text("utf-8").splitlines() if not line.startswith("#+ summary")]
    query.write_text("\n".join(["#+ summary:", "#+   en: A", "#+   principle: {en: B}", *lines]) + "\n", "utf-8")

    found = [one for one in publish.validate(workspace.read(birds), cached=False) if one.rule == "query"]

    assert [(one.place.file, one.place.line) for one in found] == [(f"queries/{query.name}", 3)]
    assert "'principle' is no language" in found[0].message["en"]
    assert cli.main(["-C", str(birds), "build"]) == cli.REPAIR


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("dataset.licences", '"https://example.org/"', "dataset.licences is no setting; did you mean dataset.licence?"),
        ("links.time_out", "3", "links.time_out is no setting; did you mean links.timeout?"),
        ("linkz.timeout", "3", "linkz is no setting; did you mean links?"),
        ("catalog.contact", '{name = "a", mail = "a"}', "catalog.contact.mail is no setting; did you mean"),
        (
            "catalog.targets",
            "[{nome = 3}]",
            "catalog.targets.1.nome is no setting; did you mean catalog.targets.1.name?",
        ),
        ("stores.mine.qqqq", "3", "stores.mine.qqqq is no setting; here there are auth, "),
        ("links.timeout", "1e300", "links.timeout is 1e+300, and is to be seconds, more than 0"),
        ("links.timeout", "-1", "links.timeout is -1, and is to be seconds"),
        ("links.timeout", "0", "links.timeout is 0, and is to be seconds, more than 0"),
        ("links.pause", "315360000", "links.pause is 315360000, and is to be seconds, from 0 to 86,400"),
        ("links.days", "1e9", "links.days is 1000000000.0, and is to be a number of days"),
        ("links.batch", "99999999", "links.batch is 99999999, and is to be a whole number from 1 to 10,000"),
        ("stores.mine.tries", "1000000", "stores.mine.tries is 1000000, and is to be a whole number from 1 to 10,000"),
        ("stores.mine.timeout", "nan", "stores.mine.timeout is nan, and is to be seconds"),
    ],
)
def test_a_setting_that_there_is_not_or_that_is_out_of_bounds_is_told(
    birds: Path, key: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_to(birds, key, value)

    assert cli.main(["-C", str(birds), "validate"]) == cli.REPAIR

    told = capsys.readouterr().err
    assert said in told
    assert cli.main(["-C", str(birds), "--lang", "fr", "validate"]) == cli.REPAIR
    assert said not in capsys.readouterr().err
