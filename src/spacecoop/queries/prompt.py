"""Lines typed by a person in, whole queries out: history, several lines, completion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from spacecoop.queries import sparql

KEYWORDS = (
    "ASK BIND BOUND CONSTRUCT COUNT DESCRIBE DISTINCT FILTER GRAPH LANG LIMIT MINUS OPTIONAL PREFIX REGEX SELECT STR"
)
"""What is offered beside names; words as people type them."""


class PromptError(Exception):
    """There can be no prompt here; the message says what would help."""


def lines(words: Sequence[str], history: Path, names: Sequence[str]) -> Iterator[str]:
    """Yield what is typed, one query or name at a time, until the end of input; Ctrl-C begins anew.

    *words* are offered to complete what is being typed; *names* are whole lines by themselves. Raises PromptError
    where the library is not there.
    """
    try:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.filters import Condition
        from prompt_toolkit.history import FileHistory
        from prompt_toolkit.lexers import PygmentsLexer
        from pygments.lexers.rdf import SparqlLexer
    except ImportError as error:
        raise PromptError("a prompt needs prompt_toolkit: pip install 'spacecoop[interactive]'") from error
    history.parent.mkdir(parents=True, exist_ok=True)
    typed = re.compile(r"[^\s{}();,.|/^*+?!]+")
    completer = WordCompleter(sorted({*words, *names, *KEYWORDS.split()}), pattern=typed)
    session: PromptSession[str] = PromptSession(
        history=FileHistory(str(history)),
        auto_suggest=AutoSuggestFromHistory(),
        completer=completer,
        complete_while_typing=False,
        lexer=PygmentsLexer(SparqlLexer),
    )
    unfinished: Callable[[], bool] = lambda: not is_whole(session.default_buffer.text, names)  # noqa: E731
    while True:
        try:
            text = session.prompt("? ", multiline=Condition(unfinished), prompt_continuation="  ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text.strip():
            yield text.strip()


def is_whole(text: str, names: Sequence[str]) -> bool:
    """Tell whether Enter ends what is typed: a name, a command, or a query whose braces are closed.

    >>> is_whole("SELECT * {", []), is_whole("SELECT * { ?s ?p ?o }", []), is_whole("agreements", ["agreements"])
    (False, True, True)
    """
    word = text.strip()
    if not word or word.startswith(".") or word.partition(" ")[0] in names:
        return True
    plain = sparql.mask(text)
    if sparql.form(text) == "DESCRIBE" and "{" not in plain:
        return True
    return plain.count("{") == plain.count("}") > 0
