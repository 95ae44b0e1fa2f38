"""How far work has come in; a bar with the rate and the time left out, on a terminal and nowhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich import progress as shown

OFTEN = 0.1
"""Seconds from one look of the bar to the next."""

Progress = Callable[[int, int], None]
"""Told how many are done, and how many there are."""

_open: list[Bar] = []


def silent(done: int, of: int) -> None:
    """Tell nobody."""


class Bar:
    """Shows how many things of a kind are done; it goes away when all are."""

    def __init__(self, noun: str, speak: Callable[[str], str] = str) -> None:
        """*noun* is what is counted, such as ``articles``; *speak* gives a text in the user's language."""
        self._noun, self._speak = noun, speak
        self._progress: shown.Progress | None = None
        self._shown = 0.0

    def __call__(self, done: int, of: int) -> None:
        """Show it, on a terminal."""
        if of <= 1 or not sys.stderr.isatty():
            return
        progress = self._progress or self._begin(of)
        task = progress.tasks[0]
        progress.update(task.id, completed=done, total=of, description=self._text(done, of, task.speed))
        if time.monotonic() - self._shown > OFTEN:
            self._shown = time.monotonic()
            progress.refresh()
        if done >= of:
            self.close()

    def _begin(self, of: int) -> shown.Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        # no thread draws it, since processes are forked meanwhile; and the cursor stays, whatever ends the program
        self._progress = Progress(*columns, console=console, transient=True, auto_refresh=False)
        self._progress.add_task(self._text(0, of, None), total=of)
        self._progress.start()
        console.show_cursor(True)
        _open.append(self)
        return self._progress

    def _text(self, done: int, of: int, speed: float | None) -> str:
        rate = f", {self._speak(f'{speed:,.0f} a second')}" if speed else ""
        return self._speak(f"{done:,} of {of:,} {self._noun}") + rate

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
            _open.remove(self)


def close() -> None:
    """Take every bar away that is still shown, before something else is said."""
    for bar in list(_open):
        bar.close()
