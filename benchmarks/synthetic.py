"""A seed and a number in, a workspace with that many invented articles out, of the real ones' shape.

An article has about 500 quads.

python benchmarks/synthetic.py DIR NUMBER
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
SHARED = ("spacecoop.toml", "ontology", "shapes", "queries", "entities", "links", "pages")
CLAIMS = 11
STATES = ("belgium", "china", "france", "germany", "india", "israel", "italy", "japan", "pakistan", "russia")
MISSIONS = ("cfosat", "change-6", "svom", "seis", "chinese-space-station", "cardiospace-2")
FIELDS = ("lunar-exploration", "oceanography", "space-medicine", "human-spaceflight", "gamma-ray-bursts", "satellites")
MODALITIES = ("announced", "planned", "expected", "agreed", "under-way", "offered", "discussed")


def workspace(folder: Path, number: int, seed: int = 1, stories: int = 0) -> None:
    """Write a workspace with *number* articles that break no rule, the same for the same seed.

    With *stories*, so many shared matters, of which each article tells of two.
    """
    folder.mkdir(parents=True)
    for name in SHARED:
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    (folder / "articles").mkdir()
    if stories:
        text = "entities:\n" + "".join(shared(index) for index in range(stories))
        (folder / "entities" / "stories.yaml").write_text(text, "utf-8")
    for index in range(number):
        text = article(index, random.Random(f"{seed}-{index}"))  # noqa: S311
        text = joined(text, random.Random(f"{seed}-{index}-stories"), stories) if stories else text  # noqa: S311
        (folder / "articles" / f"s{index:06}.yaml").write_text(text, "utf-8")


def article(index: int, chance: random.Random) -> str:
    """Return one fact file."""
    year, month, day = chance.randint(2000, 2025), chance.randint(1, 12), chance.randint(1, 28)
    lines = [
        f"url: https://news.example/{index}",
        "type: NewsArticle",
        "publisher: numerama",
        "language: en",
        f"published: {year}-{month:02}-{day:02}",
        f"text: {{id: this:text, type: TextObject, sha256: {digest(index)}, normalForm: NFC, codePoints: 4000}}",
        "record: {created: 2026-01-01T00:00:00Z, creator: https://w3id.org/spacecoop/team}",
        "claims:",
    ]
    for number in range(1, CLAIMS + 1):
        start = 100 * number
        lines += [
            f"  - id: this:S-{number:02}",
            "    gloss:",
            f"      en: Claim {number} of the invented article {index} about a joint mission.",
            f"      fr: Assertion {number} de l'article inventé {index} sur une mission commune.",
            "    claimant: numerama",
            f"    modality: {chance.choice(MODALITIES)}",
            f"    asserts: [this:m-{number}, this:t-{number}]",
            "    evidence:",
            f"      - {{sentence: {number}, at: {{start: {start}, end: {start + 90}}},",
            f"         sha256: {digest(index, number)}}}",
        ]
    lines.append("matters:")
    for number in range(1, CLAIMS + 1):
        one, other = chance.sample(STATES, 2)
        mission = chance.choice(MISSIONS)
        when = year + chance.randint(1, 9)
        lines += [
            f"  - id: this:m-{number}",
            "    type: Cooperation",
            f"    label: {{en: Cooperation {number} on {mission}, fr: Coopération {number} autour de {mission}}}",
            f"    concerns: {mission}",
            f"    field: {chance.choice(FIELDS)}",
            "    participation:",
            f"      - {{party: {one}, role: partner}}",
            f"      - {{party: {other}, role: partner}}",
            f"  - id: this:t-{number}",
            "    type: Milestone",
            "    kind: launch",
            f"    label: {{en: Launch {number} of {mission}, fr: Lancement {number} de {mission}}}",
            f"    concerns: {mission}",
            f'    time: {{stated: "{when}", resolved: "{when}"}}',
        ]
    return "\n".join(lines) + "\n"


def shared(index: int) -> str:
    """Return a shared matter: by turns a cooperation and a launch."""
    label = f"{{en: Story {digest(index)[:8]}, fr: Histoire {digest(index)[:8]}}}"
    return f"  - {{id: story-{index}, label: {label}, " + (
        "type: Milestone, kind: launch}\n" if index % 2 else "type: Cooperation}\n"
    )


def joined(text: str, chance: random.Random, stories: int) -> str:
    """Return an article with two of its matters as accounts of shared ones."""
    for number, (kind, first) in enumerate((("Cooperation", 0), ("Milestone", 1)), 1):
        line = f"  - id: this:{'mt'[first]}-{number}\n    type: {kind}\n"
        assert line in text
        story = 2 * chance.randrange(stories // 2) + first
        text = text.replace(line, f"{line}    accountOf: story-{story}\n")
    return text


def digest(*parts: int) -> str:
    """Return a digest that is as good as any."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


if __name__ == "__main__":
    workspace(Path(sys.argv[1]), int(sys.argv[2]))
