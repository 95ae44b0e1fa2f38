"""Private texts of the dataset's own articles in; how far drafts find what curators wrote out.

    python benchmarks/draft_articles.py [--texts DIR]

A text counts where it is, byte for byte, the one that a fact file's digest is of. A sentence is wanted where a claim
about a matter with parties rests on it, and rightly proposed where any claim does; a time is right where the fact file
has it.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from spacecoop import drafting, workspace
from spacecoop.drafting import Setup
from spacecoop.drafts import proposals
from spacecoop.drafts.candidates import Reading
from spacecoop.facts.texts import Text

REPOSITORY = Path(__file__).parent.parent


def find(folder: Path) -> Iterator[tuple[str, Text, dict[str, Any], str]]:
    """Yield each article of which a folder has the very text: its name, text, facts, and the source of its facts."""
    texts = {text.sha256: text for path in sorted(folder.glob("*.txt")) if (text := drafting.open_text(path))}
    for path in sorted((REPOSITORY / "articles").glob("*.yaml")):
        source = path.read_text("utf-8")
        facts = yaml.safe_load(source)
        if facts["text"]["sha256"] in texts:
            yield path.stem, texts[facts["text"]["sha256"]], facts, source


def places(facts: dict[str, Any]) -> Iterator[tuple[int, int, bool]]:
    """Yield where claims rest, and whether they are about a matter with parties."""
    with_parties = {one["id"] for one in facts.get("matters", []) if one.get("participation")}
    for claim in facts["claims"]:
        asserts = claim.get("asserts", [])
        about = with_parties & {*([asserts] if isinstance(asserts, str) else asserts)}
        for row in claim.get("evidence", []):
            if "at" in row:
                yield row["at"]["start"], row["at"]["end"], bool(about)


def measure(setup: Setup, reading: Reading, facts: dict[str, Any], source: str) -> Counter[str]:
    """Count what a draft and a curator have, and what they have in common."""
    rests = [*places(facts)]
    claimed = {s for s in reading.sentences for start, end, _ in rests if s.start < end and start < s.end}
    wanted = {s for s in reading.sentences for start, end, about in rests if about and s.start < end and start < s.end}
    proposed = {sentence for one in reading.candidates for sentence in one.sentences}
    kinds = setup.rules.parties | setup.rules.things
    shared = {name for name, one in setup.names.things.items() if one.known and one.types & kinds}
    theirs = shared & {*re.findall(r"[a-z0-9][a-z0-9-]+", source.partition("\nclaims:")[2])}
    ours = shared & {name for one in reading.candidates for name in (*one.things, *(part.id for part in one.parties))}
    resolved = {*re.findall(r"resolved: \"?([^\"},\s]+)", source)}
    days = [one.times[0].value for one in reading.candidates if one.times]
    return Counter(
        days=len(days),
        right=sum(day in resolved for day in days),
        wanted=len(wanted),
        found=len(wanted & proposed),
        proposed=len(proposed),
        claimed=len(proposed & claimed),
        theirs=len(theirs),
        ours=len(ours),
        both=len(ours & theirs),
        claims=len(facts["claims"]),
        candidates=len(reading.candidates),
    )


def count_keys(name: str, text: Text, facts: dict[str, Any], source: str) -> tuple[int, int]:
    """Return how many characters a person types from the draft to the fact file, and from nothing.

    Quotes, their places and digests are left out of both: the text has the ones, `spacecoop anchor` writes the others.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copy(REPOSITORY / "spacecoop.toml", folder)
        for part in ("articles", "drafting", "entities", "ontology", "shapes", "queries", "links"):
            shutil.copytree(REPOSITORY / part, folder / part)
        (folder / "articles" / f"{name}.yaml").unlink()
        day = facts.get("published")
        said = facts["url"], facts["language"].partition("-")[0], day if isinstance(day, date) else None
        setup = drafting.set_up(workspace.read(folder))
        drafted = drafting.draft(setup, drafting.Source(name, name, text, *said, facts["publisher"])).source
    ours, theirs = (_EVIDENCE.sub("", one).split() for one in (drafted, source))
    steps = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
    typed = sum(
        len(" ".join(theirs[start:end])) + 1 for kind, _, _, start, end in steps if kind in ("insert", "replace")
    )
    return typed, len(" ".join(theirs))


_EVIDENCE = re.compile(
    r"^ *(?:- )?(?:quote|evidence|at|sha256|start|end):.*\n|^ *- \{?(?:at|quote):.*\n|^ *#.*\n", re.MULTILINE
)


def main() -> int:
    """Print a row for each article, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=REPOSITORY / "texts", help="where the private texts are")
    arguments = parser.parse_args()
    found = [*find(arguments.texts)] if arguments.texts.is_dir() else []
    if not found:
        print(f"no text of an article in {arguments.texts}; say where with --texts", file=sys.stderr)
        return 0
    setup = drafting.set_up(workspace.read(REPOSITORY))
    print("| article | language | claims | proposed | sentences P | R | parties and undertakings P | R | times P |")
    print("|---|---|---|---|---|---|---|---|---|")
    total: Counter[str] = Counter()
    for name, text, facts, source in found:
        language, day = facts["language"].partition("-")[0], facts.get("published")
        if language not in setup.rules.samples:
            print(f"{name} is in {language}, which has no rules", file=sys.stderr)
            continue
        published = day if isinstance(day, date) else None
        besides = frozenset([facts["publisher"]])
        reading = proposals.read(text.words, language, setup.rules, setup.names, published, besides=besides)
        row = measure(setup, reading, facts, source)
        total += row
        print(line(name, language, row))
    print(line("all", "", total))
    print("\n| article | characters of the fact file | typed from the draft | of it |\n|---|---|---|---|")
    for name, text, facts, source in found:
        typed, whole = count_keys(name, text, facts, source)
        print(f"| {name} | {whole:,} | {typed:,} | {typed / whole:.0%} |")
    return 0


def line(name: str, language: str, row: Counter[str]) -> str:
    """Return a row of the table."""
    shares = [("claimed", "proposed"), ("found", "wanted"), ("both", "ours"), ("both", "theirs"), ("right", "days")]
    parts = [f"{row[right] / row[of]:.2f}" if row[of] else "" for right, of in shares]
    return f"| {name} | {language} | {row['claims']} | {row['candidates']} | {' | '.join(parts)} |"


if __name__ == "__main__":
    raise SystemExit(main())
