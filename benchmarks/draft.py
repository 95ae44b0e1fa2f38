"""Texts with answers in; precision, recall and F of what rules propose out, with and without each family of rules.

    python benchmarks/draft.py [--texts DIR] [--seen 01,02] [--show]

A text has its address in its first line and its answers beside it (`.gold.json`). A candidate matches a fact where
their sentences overlap, their parties, each with its state, have a Jaccard index of one half and more, and their
missions do not contradict; one to one. Where spaCy and its small models are installed, the names that they find are
measured too.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from spacecoop import drafting, workspace
from spacecoop.drafting import Setup
from spacecoop.drafts import proposals
from spacecoop.drafts.candidates import Candidate, Reading

REPOSITORY = Path(__file__).parent.parent
FAMILIES = ["back", "context", "join", "negation", "times", "speech"]
BASELINE = frozenset(FAMILIES)
CODES = {
    "france": "FR", "china": "CN", "united-states": "US", "russia": "RU",
    "india": "IN", "japan": "JP", "germany": "DE", "italy": "IT",
    "canada": "CA", "united-kingdom": "GB", "algeria": "DZ", "saudi-arabia": "SA",
    "united-arab-emirates": "AE", "south-korea": "KR", "brazil": "BR", "argentina": "AR",
    "belgium": "BE", "switzerland": "CH", "spain": "ES", "poland": "PL",
    "peru": "PE", "kenya": "KE", "mexico": "MX", "pakistan": "PK",
    "israel": "IL", "indonesia": "ID", "european-union": "EU", "turkey": "TR",
    "egypt": "EG", "sweden": "SE", "norway": "NO", "netherlands": "NL",
    "ukraine": "UA", "kazakhstan": "KZ", "morocco": "MA", "hungary": "HU",
    "luxembourg": "LU", "austria": "AT", "australia": "AU", "portugal": "PT",
    "vietnam": "VN", "thailand": "TH", "nigeria": "NG", "south-africa": "ZA",
    "tunisia": "TN", "finland": "FI", "denmark": "DK", "czech-republic": "CZ",
    "greece": "GR", "romania": "RO", "malaysia": "MY", "singapore": "SG",
    "ethiopia": "ET", "senegal": "SN", "rwanda": "RW", "chile": "CL",
    "colombia": "CO", "bolivia": "BO", "venezuela": "VE", "bangladesh": "BD",
    "philippines": "PH", "new-zealand": "NZ", "ireland": "IE", "belarus": "BY",
    "iran": "IR", "angola": "AO", "ecuador": "EC", "uzbekistan": "UZ",
}  # fmt: skip
SHORT = {
    "cmseo": "cmsa", "change-6": "change6", "change-5": "change5", "change-7": "change7", "change-8": "change8",
    "change-4": "change4", "artemis-programme": "artemis", "international-space-station": "iss",
    "crew-dragon": "crewdragon", "chinese-space-station": "css", "international-lunar-research-station": "ilrs",
    "vega-c": "vega",
}  # fmt: skip
MISSIONS = {
    "artemis", "artemis-accords", "cfosat", "change6", "crewdragon", "css", "dorn", "exomars", "gaganyaan", "gateway",
    "iss", "lupex", "mmx", "nisar", "smile", "soyuz", "svom", "vega",
}  # fmt: skip
"""Those that the answers name; others, such as instruments, contradict nothing."""
SPACY = {"en": "en_core_web_sm", "fr": "fr_core_news_sm"}
FIELDS = {
    "lunar-exploration": "lunar", "space-astronomy": "astronomy", "mars-exploration": "planetary",
    "telecommunications": "telecom", "launch-services": "launch", "venus-exploration": "planetary",
}  # fmt: skip
STATUS = {
    "done": {"signed", "completed", "selected"},
    "planned": {"planned"},
    "wished": {"proposed"},
    "discussed": {"ongoing", "proposed"},
    "announced": {"ongoing", "planned", "suspended", "ended"},
}


class Answers(NamedTuple):
    """A text, and what people found in it."""

    name: str
    words: str
    language: str
    published: date
    gold: dict[str, Any]


class Score(NamedTuple):
    """How many were right, proposed and wanted."""

    right: int = 0
    proposed: int = 0
    wanted: int = 0

    def __add__(self, other: object) -> Score:
        assert isinstance(other, Score)
        return Score(*(one + two for one, two in zip(self, other, strict=True)))

    def __str__(self) -> str:
        precision, recall = self.right / max(1, self.proposed), self.right / max(1, self.wanted)
        harmonic = 2 * precision * recall / max(1e-9, precision + recall)
        return f"{precision:.2f} | {recall:.2f} | {harmonic:.2f}"


def answers(folder: Path) -> list[Answers]:
    """Read the texts with answers of a folder."""
    found = []
    for path in sorted(folder.glob("*.gold.json")):
        gold = json.loads(path.read_text("utf-8"))
        words = (folder / gold["source"]).read_text("utf-8").partition("\n")[2]
        found.append(Answers(path.name[:2], words, gold["lang"], date.fromisoformat(gold["published"]), gold))
    return found


def short(thing: str) -> str:
    """Return what the answers call a thing."""
    return CODES.get(thing) or SHORT.get(thing, thing)


def sides(setup: Setup, names: Iterable[str]) -> set[str]:
    """Return the states of parties, as the answers name them; an organisation of no state stays itself."""
    ours = {short(thing): thing for thing in setup.names.things}
    return {short(setup.rules.sides.get(ours.get(name, name), ours.get(name, name))) for name in names}


def overlap(one: Candidate, fact: dict[str, Any]) -> bool:
    """Tell whether a candidate and a fact rest on a common passage."""
    return any(s.start < e["end"] and e["start"] < s.end for s in one.sentences for e in fact["evidence"])


def fits(setup: Setup, one: Candidate, fact: dict[str, Any]) -> float:
    """Return how well a candidate matches a fact; 0 where it does not."""
    ours = parties(setup, one)
    theirs = sides(setup, fact["participants"])
    index = len(ours & theirs) / max(1, len(ours | theirs))
    missions = {name for thing in one.things if (name := short(thing)) in MISSIONS}
    contradict = fact["mission"] in MISSIONS and bool(missions) and fact["mission"] not in missions
    return index if overlap(one, fact) and index >= 0.5 and not contradict else 0.0


def pairs(setup: Setup, reading: Reading, facts: list[dict[str, Any]]) -> list[tuple[Candidate, dict[str, Any]]]:
    """Return candidates and facts that match, one to one, the best first."""
    rows = [
        (-fits(setup, one, fact), -same_time(one, fact), here, there)
        for here, one in enumerate(reading.candidates)
        for there, fact in enumerate(facts)
        if fits(setup, one, fact)
    ]
    ours, theirs, found = set[int](), set[int](), []
    for _, _, here, there in sorted(rows):
        if here not in ours and there not in theirs:
            ours.add(here)
            theirs.add(there)
            found.append((reading.candidates[here], facts[there]))
    return found


def parties(setup: Setup, one: Candidate) -> set[str]:
    """Return the states of a candidate's parties, as the answers name them."""
    return sides(setup, (short(part.id) for part in one.parties))


def same_field(one: Candidate, fact: dict[str, Any]) -> bool:
    """Tell whether the field is the fact's."""
    field = one.values.get("field", "space-general")
    return bool(FIELDS.get(field, field) == fact["field"])


def same_status(one: Candidate, fact: dict[str, Any]) -> bool:
    """Tell whether the modality goes with the fact's status."""
    return fact["status"] in STATUS.get(one.values["modality"], set())


def same_time(one: Candidate, fact: dict[str, Any]) -> bool:
    """Tell whether the first time is the fact's."""
    return bool(one.times) and one.times[0].value == fact["date"]


def measure(setup: Setup, text: Answers, reading: Reading) -> dict[str, Score]:
    """Compare what was found in a text with its answers."""
    gold = text.gold
    spans = {(m["start"], m["end"]) for m in gold["mentions"]}
    linked = {(m["start"], m["end"]): m["id"] for m in gold["mentions"] if m["id"]}
    ours = {(m.start, m.end): short(m.things[0]) for m in reading.mentions if len(m.things) == 1}
    every = {(m.start, m.end) for m in reading.mentions}
    unlinked = {span for span in spans if span not in linked}
    judged = {
        span: name for span, name in ours.items() if span not in unlinked and (span in linked or covered(setup, name))
    }
    found = pairs(setup, reading, gold["facts"])
    bearing = {
        s
        for s in reading.sentences
        if any(s.start < e["end"] and e["start"] < s.end for f in gold["facts"] for e in f["evidence"])
    }
    proposed = {s for one in reading.candidates for s in one.sentences}
    dated = [(one, fact) for one, fact in found if fact["date"]]
    return {
        "mentions": Score(len(spans & every), len(every), len(spans)),
        "links": Score(sum(linked.get(span) == name for span, name in judged.items()), len(judged), len(linked)),
        "sentences": Score(len(bearing & proposed), len(proposed), len(bearing)),
        "facts": Score(len(found), len(reading.candidates), len(gold["facts"])),
        "parties of matched facts": slot(
            found, lambda one, fact: parties(setup, one) == sides(setup, fact["participants"])
        ),
        "dates of matched facts": slot(dated, same_time),
        "fields of matched facts": slot(found, same_field),
        "status of matched facts": slot(found, same_status),
    }  # fmt: skip


def covered(setup: Setup, name: str) -> bool:
    """Tell whether the answers have things of this kind: parties and missions, but no places and no instruments."""
    types = {short(thing): one.types for thing, one in setup.names.things.items()}
    return name in MISSIONS or bool(types.get(name, frozenset()) & setup.rules.parties)


def slot(found: list[tuple[Candidate, dict[str, Any]]], right: Callable[[Candidate, dict[str, Any]], bool]) -> Score:
    """Score one slot over the pairs that match."""
    return Score(sum(right(one, fact) for one, fact in found), len(found), len(found))


def total(setup: Setup, texts: list[Answers], without: frozenset[str], show: bool = False) -> dict[str, Score]:
    """Measure all texts together."""
    sums: dict[str, Score] = {}
    for text in texts:
        reading = proposals.read(text.words, text.language, setup.rules, setup.names, text.published, without)
        for name, score in measure(setup, text, reading).items():
            sums[name] = sums.get(name, Score()) + score
        if show:
            told(setup, text, reading)
    return sums


def told(setup: Setup, text: Answers, reading: Reading) -> None:
    """Print what differs, without the words of the text but for names."""
    found = pairs(setup, reading, text.gold["facts"])
    print(f"== {text.name}")
    for one in reading.candidates:
        fact = next((fact for mine, fact in found if mine is one), None)
        span = f"{one.sentences[0].start}-{one.sentences[-1].end}"
        parts = ",".join(short(part.id) for part in one.parties)
        when = one.times[0].value if one.times else None
        print(
            "  ",
            "ok " if fact else "BAD",
            span,
            parts,
            one.things,
            one.values.get("field"),
            one.values["modality"],
            when,
            one.score,
            "| gold:",
            fact and (fact["participants"], fact["mission"], fact["field"], fact["status"], fact["date"]),
        )
    for fact in text.gold["facts"]:
        if all(fact is not other for _, other in found):
            spans = [(e["start"], e["end"]) for e in fact["evidence"]]
            print("   MISSED", spans, fact["participants"], fact["mission"], fact["status"], fact["date"])
    gold = {(m["start"], m["end"]): m for m in text.gold["mentions"]}
    ours = {(m.start, m.end): m for m in reading.mentions}
    print(
        "   names missed",
        [
            (m["text"], m["id"])
            for span, m in gold.items()
            if span not in ours or (m["id"] and [m["id"]] != [short(t) for t in ours[span].things])
        ],
    )
    print("   names too many", [(m.words, m.things) for span, m in ours.items() if span not in gold])


def compare_spacy(setup: Setup, texts: list[Answers]) -> Iterator[str]:
    """Yield what to print of the names that spaCy's small models find, beside ours, or why there is nothing."""
    for language, model in SPACY.items():
        try:
            import spacy

            pipeline = spacy.load(model)
        except (ImportError, OSError) as error:
            yield f"spaCy's {model} is left out: {error}"
            continue
        theirs, group = Score(), [text for text in texts if text.language == language]
        for text in group:
            found = {(one.start_char, one.end_char) for one in pipeline(text.words).ents}
            spans = {(m["start"], m["end"]) for m in text.gold["mentions"] if m["type"] != "adj"}
            theirs += Score(len(spans & found), len(found), len(spans))
        version = pipeline.meta["version"]
        yield (
            f"| names but adjectives in {len(group)} texts, {language} | P | R | F |\n|---|---|---|---|\n"
            f"| our rules | {names_alone(setup, group)} |\n| spaCy {spacy.__version__}, {model} {version} | {theirs} |"
        )


def names_alone(setup: Setup, texts: list[Answers]) -> Score:
    """Score our names without adjectives, as spaCy looks for none."""
    sums = Score()
    for text in texts:
        reading = proposals.read(text.words, text.language, setup.rules, setup.names, text.published)
        adjectives = {(m["start"], m["end"]) for m in text.gold["mentions"] if m["type"] == "adj"}
        spans = {(m["start"], m["end"]) for m in text.gold["mentions"]} - adjectives
        found = {(m.start, m.end) for m in reading.mentions} - adjectives
        sums += Score(len(spans & found), len(found), len(spans))
    return sums


def main() -> int:
    """Print a table for each half, and one for the families."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=REPOSITORY.parent / "shared" / "drafting")
    parser.add_argument("--seen", default="", help="the first figures of the texts that the rules were written on")
    parser.add_argument("--show", action="store_true", help="tell text by text what differs")
    arguments = parser.parse_args()
    texts = answers(arguments.texts)
    if not texts:
        print(f"no texts with answers in {arguments.texts}; say where with --texts", file=sys.stderr)
        return 1
    began = time.process_time()
    setup = drafting.set_up(workspace.read(REPOSITORY))
    opened = time.process_time() - began
    seen = set(re.findall(r"\d\d", arguments.seen))
    groups = {"all": texts}
    if seen:
        groups = {
            "texts that the rules were written on": [text for text in texts if text.name in seen],
            "the others": [text for text in texts if text.name not in seen],
        }
    for name, group in groups.items():
        print(f"\n{name}: {len(group)} texts\n")
        print("| | P | R | F | P, names and cues alone | R | F |\n|---|---|---|---|---|---|---|")
        plain = total(setup, group, BASELINE)
        for key, score in total(setup, group, frozenset(), arguments.show).items():
            print(f"| {key} | {score} | {plain[key]} |")
    print("\n| without | facts P | R | F | sentences P | R | F |\n|---|---|---|---|---|---|---|")
    for family in ["nothing", *FAMILIES]:
        sums = total(setup, texts, frozenset([family]))
        print(f"| {family} | {sums['facts']} | {sums['sentences']} |")
    for said in compare_spacy(setup, texts):
        print(f"\n{said}")
    began = time.process_time()
    total(setup, texts, frozenset())
    each = (time.process_time() - began) / len(texts)
    length = sum(len(text.words) for text in texts) // len(texts)
    print(f"\nprocessor: {opened:.2f} s for rules and names, once; {each * 1000:.0f} ms a text of {length} code points")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
