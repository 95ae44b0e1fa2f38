"""What the rules of ``drafting/`` find in sentences: names, sides, times, and what belongs to one claim."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from spacecoop.drafts import names, proposals, rules
from spacecoop.drafts.candidates import Reading
from spacecoop.drafts.rules import Thing

DRAFTING = Path(__file__).parent.parent / "drafting"
RULES = rules.read(DRAFTING)
NAMES = names.gather([], RULES.known)
PUBLISHED = date(2025, 4, 15)  # a Tuesday


def read(text: str, language: str = "fr", besides: str = "") -> Reading:
    """Read a text of our own, published on a Tuesday in April."""
    return proposals.read(text, language, RULES, NAMES, PUBLISHED, besides=frozenset([besides] if besides else []))


def parties(reading: Reading) -> list[list[str]]:
    """Return the parties of each candidate."""
    return [[part.id for part in one.parties] for one in reading.candidates]


def times(text: str, language: str) -> list[str]:
    """Return the times of a text."""
    return [one.value for one in read(text, language).times]


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("Paris et Pékin ont signé un accord.", "fr", [["france", "china"]]),
        ("Réunis à Tokyo, le CNES et l'ISRO ont signé un accord.", "fr", [["cnes", "isro"]]),
        ("Moscow and Beijing signed an agreement.", "en", [["russia", "china"]]),
        ("JAXA and ISRO signed an agreement in Washington.", "en", [["jaxa", "isro"]]),
        ("中国国家航天局与法国国家空间研究中心在北京签署协议。", "zh", [["cnsa", "cnes"]]),
    ],
)
def test_a_capital_stands_for_its_state_but_where_something_happens_there(
    text: str, language: str, found: list[list[str]]
) -> None:
    assert parties(read(text, language)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Le CNES a suspendu sa coopération avec Roscosmos après l'invasion de l'Ukraine.", [["cnes", "roscosmos"]]),
        ("La France et l'Ukraine ont signé un accord.", [["france", "ukraine"]]),
    ],
)
def test_what_a_war_is_about_is_no_party(text: str, found: list[list[str]]) -> None:
    assert parties(read(text)) == found


def test_the_publisher_is_no_party() -> None:
    text = "Le CNES coopère avec la Nasa, apprend le CNRS."

    assert "cnrs" in parties(read(text))[0]
    assert "cnrs" not in parties(read(text, besides="cnrs"))[0]


def test_what_surrounds_an_article_is_no_claim() -> None:
    assert parties(
        read("La France et la Chine coopèrent. Abonnez-vous à la newsletter de la France et de la Chine.")
    ) == [["france", "china"]]


def test_partners_without_a_name_are_another_side() -> None:
    (one,) = read("La Chine s'ouvre à la coopération avec des partenaires étrangers.").candidates

    assert [part.id for part in one.parties] == ["china"]
    assert any("others without a name" in reason for reason in one.reasons)


def test_a_sentence_is_taken_along_where_the_next_begins_with_a_word_for_it() -> None:
    text = "Un instrument volera en 2027 à bord de MMX. Il est fabriqué par l'Inde et le Japon."

    assert [len(one.sentences) for one in read(text).candidates] == [2]


@pytest.mark.parametrize(("word", "sentences"), [("", [2]), ("aussi ", [1, 1])])
def test_a_sentence_that_says_another_thing_is_another_claim(word: str, sentences: list[int]) -> None:
    text = f"La France et l'Inde ont signé un accord. Les deux pays veulent {word}aller plus vite."

    assert [len(one.sentences) for one in read(text).candidates] == sentences


def test_a_claim_of_two_sentences_takes_its_values_from_the_weightier_one() -> None:
    text = "Le CNES et l'ISRO veulent un laboratoire. En ce sens, le CNES et l'ISRO ont signé un accord."

    assert [(len(one.sentences), one.values["modality"]) for one in read(text).candidates] == [(2, "done")]


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("La sonde partira en novembre.", "fr", ["2025-11"]),
        ("La sonde est partie en novembre.", "fr", ["2024-11"]),
        ("La sonde décollera jeudi.", "fr", ["2025-04-17"]),
        ("La sonde a été lancée jeudi.", "fr", ["2025-04-10"]),
        ("Jeudi, les agences ont signé un texte qui prévoit un vol en novembre.", "fr", ["2025-04-10", "2025-11"]),
        ("Il y a trois ans, puis le mois dernier.", "fr", ["2022", "2025-03"]),
        ("La semaine prochaine, ou dans deux mois.", "fr", ["2025-04-21/2025-04-27", "2025-06"]),
        ("Pas avant 2026, ou d'ici la fin de 2027.", "fr", ["2026/..", "../2027"]),
        (
            "Au second semestre 2026, du 3 au 5 juin 2026, dans les années 1990.",
            "fr",
            ["2026-07/2026-12", "2026-06-03/2026-06-05", "199X"],
        ),
        ("Un départ n'est pas envisageable avant 2027.", "fr", ["2027/.."]),
        ("It will not fly to the Moon before June 2027.", "en", ["2027-06/.."]),
        ("La convention remonte à 1997.", "fr", ["1997"]),
        ("The probe is booked on a flight in November.", "en", ["2025-11"]),
        ("Five years ago, last month and since June 2024.", "en", ["2020", "2025-03", "2024-06/.."]),
        (
            "No earlier than 2026, by late 2027, in the first half of 2028.",
            "en",
            ["2026/..", "../2027", "2028-01/2028-06"],
        ),
        ("On 31 February 2024.", "en", ["2024-02"]),
    ],
)
def test_times_are_said_in_many_ways(text: str, language: str, found: list[str]) -> None:
    assert times(text, language)[: len(found) or None] == found


def test_what_is_signed_once_has_a_day_and_what_lasts_has_a_beginning() -> None:
    signed, lasting = read(
        "La France et l'Inde avaient signé un accord depuis 2014. Le Japon coopère avec la Chine depuis 1997."
    ).candidates

    assert [one.times[0].value for one in (signed, lasting)] == ["2014", "1997/.."]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("BEIJING, March 10 — China and Russia signed a pact on Tuesday.", ["2025-04-15"]),
        ("MOSCOW/PARIS, March 9. /TASS/. Russia and France signed a pact on Monday.", ["2025-04-14"]),
        ("Paris (AFP), 10 March 2025 - France and India agreed.", []),
        ("France, March 10. India and France agreed.", ["2025-03-10"]),
        ("On March 10 - a Monday - France and India agreed.", ["2025-03-10"]),
    ],
)
def test_the_day_of_a_dispatch_is_no_time_of_what_it_tells(text: str, found: list[str]) -> None:
    assert times(text, "en")[: max(1, len(found))] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The board decided on Monday to end its work. It will tell more.", "2025-04-14"),
        ("It will fly to the Red Planet. However, in July the agency suspended it.", "2024-07"),
        ("It is expected to fly in July.", "2025-07"),
    ],
)
def test_what_stands_nearest_in_the_sentence_says_which_year_a_month_has(text: str, found: str) -> None:
    assert times(text, "en") == [found]


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("Le loueur China Aviation Supplies (CAS) et le CNES ont signé. La CAS achète.", "fr", ["china", "cnes"]),
        ("The Chinese Academy of Sciences (CAS) met CNES.", "en", ["cas", "cas", "cnes"]),
        ("The Chinese National Space Agency (CNSA) met CNES.", "en", ["cnsa", "cnes"]),
        ("The moon (CAS) and CNES.", "en", ["cas", "cnes"]),
    ],
)
def test_an_acronym_that_the_text_spells_out_as_something_else_is_not_linked(
    text: str, language: str, found: list[str]
) -> None:
    linked = [one.things for one in read(text, language).mentions if one.whole and one.things]

    assert [one for (one,) in linked if one != "moon"] == found


def test_who_names_an_undertaking_names_whose_it_is() -> None:
    (one,) = read("A Polish detector will fly aboard Chang'e 8 in 2029.", "en").candidates

    assert [part.id for part in one.parties] == ["poland", "china"]
    assert any("about what is of china" in reason for reason in one.reasons)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("L'Inpe et la Jaxa ont signé un accord.", [["inpe", "jaxa"]]),
        ("Le CNES et Asi ont signé un accord.", []),  # of three letters: a name of people too
        ("La conae et la Jaxa ont signé un accord.", []),
    ],
)
def test_newspapers_write_an_acronym_that_is_spoken_with_one_capital(text: str, found: list[list[str]]) -> None:
    assert [one for one in parties(read(text)) if len(one) > 1] == found


def test_the_rules_find_what_a_workspace_has_under_another_id() -> None:
    ours = Thing("prc", frozenset(["State"]), {"en": ("China",)})
    gazetteer = names.gather([ours], RULES.known)
    text = "Beijing and Warsaw signed an agreement. A Polish detector will fly aboard Chang'e 8. Chinese firms applaud."
    reading = proposals.read(text, "en", RULES, gazetteer, PUBLISHED)

    assert "china" not in {thing for one in reading.mentions for thing in one.things}
    assert parties(reading)[:2] == [["prc", "poland"], ["poland", "prc"]]


def test_the_mission_is_no_instrument_and_no_launcher() -> None:
    text = "Chang'e 6 carries NILS and left on a Long March. A Pakistani satellite was released from the spacecraft."

    assert [one.things[0] for one in read(text, "en").candidates][-1] == "change-6"


def test_a_claim_has_the_field_of_its_words_then_of_its_things_then_of_its_text() -> None:
    text = "La France et l'Inde lancent Oceansat-3. L'ISRO et le CNES signeront un accord sur le climat en mars. "
    text += "La Pologne et le CNES ont aussi signé un accord."

    assert [one.values.get("field") for one in read(text).candidates] == ["oceanography", "climate", "oceanography"]


def test_a_field_is_found_by_what_the_workspace_calls_it() -> None:
    labels = {"field": {"en": {"education": ["education"]}}}
    text = "France and India signed an agreement on education."
    reading = proposals.read(text, "en", replace(RULES, labels=labels), NAMES, PUBLISHED)

    assert reading.candidates[0].values["field"] == "education"
    assert "field" not in read(text, "en").candidates[0].values


def test_the_month_of_may_is_no_verb() -> None:
    assert times("ESA and JAXA held a workshop in May.", "en") == ["2024-05"]


def test_what_is_planned_is_not_over_on_the_day_that_it_was_said() -> None:
    (one,) = read("ESA and JAXA will build a satellite together, they told reporters on Monday.", "en").candidates

    assert (one.values["modality"], one.times) == ("planned", ())


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("ESA and JAXA signed an agreement in Luxembourg.", "en", ["esa", "jaxa"]),
        ("ESA invests in Luxembourg's cooperation with JAXA.", "en", ["esa", "luxembourg", "jaxa"]),
        ("ESA will build an antenna together with partners in Luxembourg.", "en", ["esa", "luxembourg"]),
        ("L'ESA et la JAXA ont signé un accord en Italie.", "fr", ["esa", "jaxa"]),
    ],
)
def test_a_state_in_which_two_others_do_something_is_no_party(text: str, language: str, found: list[str]) -> None:
    assert parties(read(text, language)) == [found]


@pytest.mark.parametrize("code", ["en", "fr"])
def test_each_state_that_drafting_knows_has_its_adjective(code: str) -> None:
    rows = tomllib.loads((DRAFTING / f"{code}.toml").read_text("utf-8"))["names"]
    states = {one.id for one in RULES.known if one.types == {"State"}}

    assert states - {row["thing"] for row in rows} <= {"european-union", "nicaragua", "panama"}


def test_whose_an_undertaking_or_an_organisation_is_is_known_by_name() -> None:
    known = {one.id for one in RULES.known}

    assert {owner for one in RULES.known for owner in one.of} <= known
    assert {*RULES.sides.values()} <= known


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Le ministère vietnamien n'exclut pas d'associer la France à un satellite.", "fr"),
        ("Gabon has not ruled out a satellite with ESA.", "en"),
    ],
)
def test_what_is_not_excluded_is_wished_and_no_refusal(text: str, language: str) -> None:
    (one,) = read(text, language).candidates

    assert one.values["modality"] == "wished"
    assert one.values["type"] == "Cooperation"


def test_with_another_party_is_a_cooperation_whatever_is_done() -> None:
    text = "Le Sénégal prépare une antenne avec Ankara."

    assert parties(read(text)) == [["senegal", "turkey"]]


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent / "drafting").glob("*.gold.json")), ids=lambda path: path.stem
)
def test_a_whole_text_that_we_invented_is_read_as_people_read_it(path: Path) -> None:
    gold = json.loads(path.read_text("utf-8"))
    words = path.with_name(gold["source"]).read_text("utf-8").partition("\n")[2]
    found = proposals.read(words, gold["lang"], RULES, NAMES, date.fromisoformat(gold["published"]))
    proposed = [one for candidate in found.candidates for one in candidate.sentences]
    evidence = [one for fact in gold["facts"] for one in fact["evidence"]]
    named = {(one["start"], one["end"]) for one in gold["mentions"] if one["id"]}
    linked = {(one.start, one.end) for one in found.mentions if len(one.things) == 1}

    assert [
        row for row in evidence if not any(one.start < row["end"] and row["start"] < one.end for one in proposed)
    ] == []
    assert len(named & linked) >= 0.9 * len(named)


def test_a_phrase_with_the_same_part_twice_is_told_when_the_rules_are_read(tmp_path: Path) -> None:
    shutil.copytree(DRAFTING, tmp_path / "drafting")
    file = tmp_path / "drafting" / "en.toml"
    file.write_text(
        f'{file.read_text("utf-8")}\n[[times]]\nwords = ["{{day}} to {{day}}"]\nedtf = "{{day}}"\n', "utf-8"
    )

    with pytest.raises(rules.RulesError, match=r"en\.toml.*day stands twice"):
        rules.read(tmp_path / "drafting").languages["en"]
