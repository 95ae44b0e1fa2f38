"""Bytes put into shards come back whole, from memory or from the disk; counts over them are what they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spacecoop.harvest import counting, shards
from spacecoop.harvest.counting import Counting, Digests, Scope
from spacecoop.harvest.shards import Shards


@given(st.lists(st.tuples(st.integers(0, shards.NUMBER - 1), st.binary(max_size=40)), max_size=60), st.integers(0, 200))
def test_each_shard_gives_back_what_was_put_into_it(added: list[tuple[int, bytes]], held: int) -> None:
    one = Shards(held)
    wanted = [b""] * shards.NUMBER
    for number, data in added:
        one.add(number, data)
        wanted[number] += data

    assert list(one.each()) == wanted
    assert list(one.each()) == wanted  # it may be asked again


@given(st.lists(st.sets(st.text(max_size=3), max_size=30), max_size=10))
def test_distinct_texts_are_counted_once(groups: list[set[str]]) -> None:
    found = Digests()
    for group in groups:
        found.update(counting._digests(group))

    assert len(found) == len(set().union(*groups))


def test_what_articles_share_is_counted_once_however_often_it_is_asked() -> None:
    found = Counting(Scope("https://example.org/"))
    found.add_common(['<https://example.org/a> <https://example.org/p> "1" .'] * 3)
    once = found.counts()
    found.add_common(['<https://example.org/b> <https://example.org/p> "1" .'])

    assert (once.triples, once.entities, once.objects) == (1, 1, 1)
    assert (found.counts().triples, found.counts().entities, found.counts().objects) == (2, 2, 1)
