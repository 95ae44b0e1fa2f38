"""IRIs are shortened in one step as they are prefix by prefix."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spacecoop.iris import Prefixes, shorten

_PARTS = st.lists(st.sampled_from(["http://e/", "a", "b", "#", "/", "-", "_", ".", ":", "é", "\n"]), max_size=6)
_IRIS = _PARTS.map("".join)


@given(st.dictionaries(st.sampled_from("pqrs"), _IRIS, max_size=4), _IRIS)
def test_one_step_shortens_as_many_do(prefixes: dict[str, str], iri: str) -> None:
    assert Prefixes(prefixes).shorten(iri) == shorten(iri, prefixes)


@given(st.dictionaries(st.sampled_from("pqrs"), _IRIS.map("{}#".format), max_size=4), _IRIS, st.sampled_from("pqrs"))
def test_so_it_is_below_a_prefix(prefixes: dict[str, str], rest: str, which: str) -> None:
    iri = prefixes.get(which, "") + rest

    assert Prefixes(prefixes).shorten(iri) == shorten(iri, prefixes)
