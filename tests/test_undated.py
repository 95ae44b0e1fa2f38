"""An article whose day nobody knows: it is taken with a note, published, and asked about."""

from __future__ import annotations

from pathlib import Path

from conftest import Run

NOTE = "note: {en: The day of publication is not known., fr: Le jour de parution est inconnu.}"


def test_an_article_of_an_unknown_day_is_published_and_asked_about(small: Path, run: Run) -> None:
    article = small / "articles" / "example.yaml"
    article.write_text(article.read_text("utf-8").replace("published: 2026-01-15", NOTE), "utf-8")

    assert (built := run("build", cwd=small)).returncode == 0, built.stderr
    assert "Examplia" in run("query", "cooperation", cwd=small).stdout
    assert "Examplia" not in run("query", "cooperation", "from=2019", cwd=small).stdout
    rows = run("query", "articles", "--format", "csv", cwd=small).stdout.splitlines()
    assert [row.split(",")[2] for row in rows] == ["issued", ""]
    assert "example" in "".join(path.read_text("utf-8") for path in (small / "out").glob("feed*.atom"))
