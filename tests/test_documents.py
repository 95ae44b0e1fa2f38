from __future__ import annotations

from pathlib import Path

import pytest

from spacecoop import documents
from spacecoop.documents import Unreadable


def refused(data: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        documents.read(data, "f.yaml")
    return str(caught.value.finding)


def test_every_key_and_value_knows_its_place() -> None:
    document = documents.read("é: [x, {b: 1}]\nc:\n  - d\n".encode(), "f.yaml")

    assert document.data == {"é": ["x", {"b": 1}], "c": ["d"]}
    assert str(document.key_place(("é",))) == "f.yaml:1:1"
    assert str(document.place(("é", 1, "b"))) == "f.yaml:1:12"
    assert str(document.place(("c", 0))) == "f.yaml:3:5"


def test_a_value_that_is_not_there_is_placed_at_what_is_around_it() -> None:
    document = documents.read(b"a:\n  b: 1\n", "f.yaml")

    assert str(document.place(("a", "missing", 3))) == "f.yaml:2:3"


def test_words_that_yaml_1_1_takes_for_truth_values_and_dates_stay_words() -> None:
    text = b"{a: no, b: on, c: 2019-03-25, d: 1.50, e: 0x10, f: 12:30}"

    document = documents.read(text, "f.yaml")

    assert document.data == {"a": "no", "b": "on", "c": "2019-03-25", "d": "1.50", "e": "0x10", "f": "12:30"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: 1\nb: [", "f.yaml:2:5: violation: this is not YAML"),
        (b"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: violation: the key 'a' stands here twice; the first is at line 1"),
        (b"a: caf\xe9\n", "f.yaml:1:7: violation: byte 0xe9 is not UTF-8"),
        (b"a: 1\n---\nb: 2\n", "f.yaml:2:1: violation: a second YAML document starts here"),
        (
            b"a: !!python/object:os.system x\n",
            "f.yaml:1:4: violation: the tag tag:yaml.org,2002:python/object:os.system",
        ),
        (b"? [a]\n: 1\n", "f.yaml:1:3: violation: a key is a word"),
        (b"a: *b\n", "f.yaml:1:4: violation: no anchor &b comes before this alias"),
        (b"a: " + b"[" * 60 + b"]" * 60, "f.yaml:1:44: violation: nested deeper than 40 levels"),
        (b"a: x\x00y\n", "f.yaml:1:5: violation: this is not YAML"),
        (b"a:\tb:\tc\n\t- d", "f.yaml:1:"),
    ],
)
def test_what_is_not_one_plain_document_is_refused_at_its_place(data: bytes, expected: str) -> None:
    assert refused(data).startswith(expected)


def test_aliases_that_unfold_to_a_bomb_are_refused_before_they_do() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    assert "aliases unfold to more than 200000 values" in refused("\n".join(lines).encode())


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a" * (documents.MOST_BYTES + 1))

    with pytest.raises(Unreadable, match=r"large.yaml:1:1: violation: the file has 8000001 bytes"):
        documents.load(path, "large.yaml")


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"this file cannot be read: No such file"):
        documents.load(tmp_path / "none.yaml", "none.yaml")
