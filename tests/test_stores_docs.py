"""docs/stores.md says of each store what its row says."""

from __future__ import annotations

import re
import tomllib

from conftest import REPOSITORY
from spacecoop.settings import RULES
from spacecoop.stores.dialects import DIALECTS

KEYS = {key.removeprefix("stores.*.") for key in RULES if key.startswith("stores.*.")}
PAGE = (REPOSITORY / "docs" / "stores.md").read_text("utf-8")


def test_the_table_has_each_dialect_and_says_which_were_run_for_real() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \|", PAGE, re.MULTILINE)

    assert {name: said == "yes" for name, said in rows} == {name: row.tried for name, row in DIALECTS.items()}


def test_the_settings_that_are_shown_are_settings() -> None:
    shown = [tomllib.loads(block) for block in re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]

    used = {key for block in shown for table in block["stores"].values() for key in table}
    assert used <= KEYS
    assert {key for key in KEYS if not re.search(rf"`{key}[` ]", PAGE) and key not in used} == set()
