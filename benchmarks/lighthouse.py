"""Have Lighthouse judge a page of each kind, served by `spacecoop serve` from out/, and print what it gives.

    python benchmarks/lighthouse.py [page …]

Needs npx and a Chromium; the first call fetches Lighthouse from npm. Exits with 1 where a page has less than 95 in
accessibility, best practices or SEO. Performance is printed alone: on a machine that does other work it says little.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

LIGHTHOUSE = "lighthouse@12.8.2"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
KINDS = (
    *("index", "articles", "article/a002", "things", "id/cnes", "id/cfosat-launch", "stories", "vocabularies", "ns"),
    *("topic", "queries", "query/voices", "data", "pictures", "picture/partners", "search", "ask"),
)
LEAST = 95


def judge(address: str, folder: Path) -> list[int]:
    """Return a page's scores, of 100, in the order of the categories."""
    out = folder / "report.json"
    options = ["--quiet", f"--only-categories={','.join(CATEGORIES)}", "--output=json", f"--output-path={out}"]
    command = ["npx", "--yes", LIGHTHOUSE, address, *options, "--chrome-flags=--headless=new --no-sandbox"]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "CHROME_PATH": chromium}, timeout=300)
    categories = json.loads(out.read_text("utf-8"))["categories"]
    return [round(100 * (categories[name]["score"] or 0)) for name in CATEGORIES]


def main(pages: list[str]) -> int:
    """Judge the pages, one after the other."""
    low = 0
    serve = [sys.executable, "-m", "spacecoop", "serve", "--port", "0"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            said = next(found for line in server.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+/", line)))
            threading.Thread(target=server.stdout.read, daemon=True).start()  # its log is read, lest it wait for that
            print(f"| page | {' | '.join(CATEGORIES)} |\n|---|---|---|---|---|")
            with tempfile.TemporaryDirectory() as folder:
                for page in pages or KINDS:
                    scores = judge(f"{said.group()}{page}.html", Path(folder))
                    low += min(scores[1:]) < LEAST
                    print(f"| `{page}.html` | {' | '.join(map(str, scores))} |", flush=True)
        finally:
            server.terminate()
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
