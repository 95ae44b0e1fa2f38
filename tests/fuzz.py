"""A seed and a count in; what the program does with so many workspaces that each have something wrong, out.

  python tests/fuzz.py --seed 1 --count 3000          what `make fuzz` does
  python tests/fuzz.py --seed 1 --only 17             one of them again, with what it said
  python tests/fuzz.py --seed 1 --count 900 --in birds --files 'queries/*'

Each is judged in a process of its own that has little memory and time. It is to end with 0, 1 or 2, to say why, to
leave nothing half-written, and to tell no fault of the program.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import TextIO

import mutations

REPOSITORY = Path(__file__).parent.parent
SECONDS = 40
"""How long one command may take; on a busy machine it waits, so that less is no sign of a fault."""
WORK = 20
"""How many seconds of CPU it may take."""
MEGABYTES = 3000
PRIVATE = ("README.md", ".gitignore", "texts/")
"""What is no file of a dataset."""


@dataclass(frozen=True)
class Case:
    """A workspace, a file of it, and what becomes of the file."""

    number: int
    home: str
    file: str
    data: bytes
    change: str

    def __str__(self) -> str:
        return f"{self.number}: {self.home}/{self.file}: {self.change}"


Giving = Callable[[Path, tuple[str, ...], Path], tuple[int, str, float]]
"""Runs a command in a workspace, with a folder for what it says; returns its code, what it said, and seconds."""


@dataclass(frozen=True)
class Fault:
    """What a command did with a case that no command should."""

    case: Case
    command: str
    what: str
    told: str


def templates(folder: Path) -> dict[str, Path]:
    """Make the workspaces that files are taken from: a new one, and a tiny one with a file of every kind."""
    from spacecoop import starter

    small, birds = folder / "small", folder / "birds"
    starter.create(small)
    shutil.copytree(REPOSITORY / "tests" / "birds", birds)
    shutil.copytree(REPOSITORY / "tests" / "data" / "every-kind", birds, dirs_exist_ok=True)
    shutil.copytree(REPOSITORY / "pages", small / "pages")
    for name in ("wikidata.nt", "wikidata.json"):
        shutil.copy(REPOSITORY / "tests" / "frozen" / "links" / name, small / "links")
    (small / "texts" / "new.txt").write_text("On 3 May 2019, France and China signed an agreement on space.\n", "utf-8")
    return {"birds": birds, "small": small}


def cases(homes: dict[str, Path], seed: int, files: str = "*") -> Iterator[Case]:
    """Yield cases without end: of the two workspaces in turn, of each kind of file as often as of another."""
    number = 0
    by_kind: dict[str, dict[str, list[str]]] = {}
    for home, root in homes.items():
        kinds: dict[str, list[str]] = {}
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            name = path.relative_to(root).as_posix()
            if not name.startswith(PRIVATE) and fnmatch(name, files):
                kinds.setdefault(f"{Path(name).parent}/{path.suffix}", []).append(name)
        by_kind[home] = kinds
    while True:
        number += 1
        chance = random.Random(f"{seed} {number}")  # noqa: S311
        home = chance.choice([home for home in sorted(by_kind) if by_kind[home]])
        names = by_kind[home][chance.choice(sorted(by_kind[home]))]
        name = chance.choice(names)
        data, change = mutations.mutate((homes[home] / name).read_bytes(), chance)
        yield Case(number, home, name, data, change)


COMMANDS = {
    "validate": ("validate",),
    "build": ("build",),
    "query": ("query", "--list"),
    "data": ("build", "--no-site"),
    "links": ("links", "check", "--offline"),
    "draft": (
        "draft",
        "texts/new.txt",
        "--language",
        "en",
        "--url",
        "https://example.org/new",
        "--published",
        "2026-01-15",
    ),
}
READERS = {
    "pages/*": ("build",),
    "drafting/*": ("draft",),
    "history.tsv": ("data",),
    "links/*": ("validate", "data", "links"),
    "queries/links/*": ("validate", "links"),
    "queries/wikidata/*": ("validate", "links"),
    "queries/*": ("validate", "query", "data"),
    "*": ("validate", "data"),
}
"""Which commands read a file; the first pattern counts."""


def commands(case: Case, *, thorough: bool) -> tuple[str, ...]:
    """Return the commands that read the file of a case; where not *thorough*, a cheap one of them."""
    names = next(names for pattern, names in READERS.items() if fnmatch(case.file, pattern))
    if thorough:
        return names if "build" in names or case.file.startswith("drafting/") else (*names, "build")
    return names[: 2 if case.number % 4 == 0 else 1]


def run(case: Case, homes: dict[str, Path], names: tuple[str, ...], folder: Path, giving: Giving) -> Iterator[Fault]:
    """Give the case to each command; yield what it should not have done."""
    root = folder / "workspace"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(homes[case.home], root)
    (root / case.file).write_bytes(case.data)
    for name in names:
        code, told, seconds = giving(root, COMMANDS[name], folder)
        what = judge(code, told, seconds)
        if not what and code != 0 and "build" in COMMANDS[name] and (root / "out").exists():
            what = "it failed and wrote out/"
        if what:
            yield Fault(case, name, what, told)
        shutil.rmtree(root / "out", ignore_errors=True)


def judge(code: int, told: str, seconds: float) -> str:
    """Return what is wrong with how a command ended; nothing where all is well."""
    if code not in (0, 1, 2):
        return f"it ended with {code} after {seconds:.0f} s"
    for words in ("fault of the program", "Traceback (most recent", "panicked at", "[overdue]", "MemoryError"):
        if words in told:
            return words
    if code and not told.strip():
        return "it failed and said nothing"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", told):
        return "it told a sign that a terminal obeys"
    return ""


def stay_in_one_process() -> None:
    """Have articles be done where the command runs: that is in bounds already, and more processes cost the most."""
    from spacecoop import work

    def processed(here: work.Work, sources: Sequence[Path]) -> Iterator[work.Done]:
        yield from (work._do(here, path) for path in sources)

    work.process = processed  # type: ignore[assignment]


def give(root: Path, words: tuple[str, ...], folder: Path, debug: bool = False) -> tuple[int, str, float]:
    """Run a command in a process of its own with little memory and time; return its code, what it said, and seconds."""
    heard = folder / "told"
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_child(root, words, heard, debug)
    code = None
    while code is None and time.monotonic() - began < SECONDS:
        done, status = os.waitpid(child, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if done else None
        if code is None:
            time.sleep(0.002)
    if code is None:
        code = -signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # whatever it left behind
    return code, heard.read_text("utf-8", "backslashreplace"), time.monotonic() - began


def _be_child(root: Path, words: tuple[str, ...], heard: Path, debug: bool) -> None:
    code = 97
    try:
        os.setsid()
        _bound()
        resource.setrlimit(resource.RLIMIT_CPU, (WORK, WORK + 1))
        file = os.open(heard, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.environ.pop("SPACECOOP_DEBUG", None)
        if debug:
            os.environ["SPACECOOP_DEBUG"] = "1"
        code = _call(["-C", str(root), *words])
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _call(words: list[str]) -> int:
    """Call the program as its door is called; return the code that it ends with, 99 for an exception."""
    from spacecoop import cli

    try:
        return cli.main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 98
    except BaseException:
        traceback.print_exc()
        return 99


def give_here(root: Path, words: tuple[str, ...], folder: Path) -> tuple[int, str, float]:
    """Run a command in this process, which dies where that takes too long; return what ``give`` does."""
    heard, began = folder / "told", time.monotonic()
    kept = [os.dup(1), os.dup(2)]
    signal.alarm(SECONDS)
    with heard.open("wb") as stream:
        try:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
            code = _call(["-C", str(root), *words])
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            signal.alarm(0)
            for number, file in enumerate(kept, 1):
                os.dup2(file, number)
                os.close(file)
    return code, heard.read_text("utf-8", "backslashreplace"), time.monotonic() - began


def run_apart(chosen: Iterable[Case], homes: dict[str, Path], folder: Path) -> tuple[int, int]:
    """Run each command of each case in a process of its own; return how many cases and faults there were."""
    ran, faults = 0, 0
    for ran, case in enumerate(chosen, 1):
        faults += tell(run(case, homes, commands(case, thorough=True), folder, give), folder)
        if ran % 100 == 0:
            say(f"{ran} done, {faults} faults", sys.stderr)
    return ran, faults


def run_together(chosen: list[Case], homes: dict[str, Path], folder: Path) -> int:
    """Run cases one after the other in one process, anew behind one that ends it; return how many faults there were."""
    faults, at, count = 0, folder / "at", folder / "faults"
    while chosen:
        count.write_text("0")
        child = os.fork()
        if child == 0:
            _run_all(chosen, homes, folder, at, count)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        faults += int(count.read_text())
        if code == 0:
            break
        last = next(place for place, case in enumerate(chosen) if str(case.number) == at.read_text())
        say(f"{chosen[last]}: it ended with {code}")
        faults, chosen = faults + 1, chosen[last + 1 :]
    return faults


def _run_all(chosen: list[Case], homes: dict[str, Path], folder: Path, at: Path, count: Path) -> None:
    code, faults = 96, 0
    try:
        _bound()
        stay_in_one_process()
        for case in chosen:
            at.write_text(str(case.number))
            faults += tell(run(case, homes, commands(case, thorough=False), folder, give_here), folder)
            count.write_text(str(faults))
        code = 0
    finally:
        os._exit(code)


def load() -> None:
    """Load all that the commands need, so that it is there in each process."""
    import importlib
    import pkgutil

    import spacecoop

    for found in pkgutil.walk_packages(spacecoop.__path__, "spacecoop."):
        if not found.name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                importlib.import_module(found.name)


def warm(homes: dict[str, Path], folder: Path) -> None:
    """See that each command likes what has no fault."""
    for home, root in homes.items():
        for name, words in COMMANDS.items():
            copy = folder / "warm"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(root, copy)
            code, told, seconds = give(copy, words, folder)
            if judge(code, told, seconds):
                raise SystemExit(f"{home} {name}: {told}")
    gc.freeze()  # what is shared with the children is not to be copied for each


def main() -> int:
    """Run as many as are asked for; say each fault, and how many there were."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--only", type=int, help="run this one alone, and say what it said")
    parser.add_argument("--in", dest="home", choices=("birds", "small"), help="files of this workspace only")
    parser.add_argument("--files", default="*", help="files of these names only")
    parser.add_argument("--cheap", action="store_true", help="give each to its cheapest command only")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        homes = templates(folder)
        homes = {asked.home: homes[asked.home]} if asked.home else homes
        load()
        first, last = (asked.only - 1, asked.only) if asked.only else (0, asked.count)
        chosen = islice(cases(homes, asked.seed, asked.files), first, last)
        if asked.cheap:
            every = list(chosen)
            ran, faults = len(every), run_together(every, homes, folder)
        else:
            warm(homes, folder)
            ran, faults = run_apart(chosen, homes, folder)
        if asked.only:
            say((folder / "told").read_text("utf-8", "backslashreplace"))
    say(f"{ran} changed files, {faults} faults")
    return 1 if faults else 0


def tell(found: Iterator[Fault], folder: Path) -> int:
    """Say each fault, with where it happened; return how many there were."""
    faults = 0
    for fault in found:
        faults += 1
        say(f"{fault.case}: {fault.command}: {fault.what}\n{fault.told[-1500:]}\n")
        if fault.what == "fault of the program":
            say(give(folder / "workspace", COMMANDS[fault.command], folder, debug=True)[1][-3000:])
    return faults


def say(text: str, to: TextIO = sys.stdout) -> None:
    """Write a line that is read at once."""
    to.write(f"{text}\n")
    to.flush()


if __name__ == "__main__":
    raise SystemExit(main())
