from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from spacecoop.stores import credentials
from spacecoop.stores.credentials import Credentials, CredentialsError

DIGEST = {"auth": "digest", "user_variable": "LIB_USER", "password_variable": "LIB_PASSWORD"}


def test_a_user_and_a_password_come_from_the_named_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIB_USER", "dba")
    monkeypatch.setenv("LIB_PASSWORD", "s3cret")

    assert credentials.find(DIGEST, "a.example") == Credentials("digest", "dba", "s3cret")


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIB_USER", raising=False)

    with pytest.raises(CredentialsError, match="the environment variable LIB_USER"):
        credentials.find(DIGEST, "a.example")


def test_a_password_in_the_place_of_a_variable_s_name_is_refused_and_not_said() -> None:
    with pytest.raises(CredentialsError) as raised:
        credentials.find({"auth": "bearer", "token_variable": "s3cret-token"}, "a.example")

    assert "s3cret" not in str(raised.value)


def test_a_secret_is_not_in_the_printed_form() -> None:
    shown = f"{Credentials('basic', 'dba', 's3cret')} {Credentials('basic', 'dba', 's3cret')!r}"

    assert "s3cret" not in shown
    assert "dba" not in shown


def test_netrc_is_read_for_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine a.example login dba password s3cret\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    settings = {"auth": "basic", "secrets": "netrc"}

    assert credentials.find(settings, "a.example") == Credentials("basic", "dba", "s3cret")
    with pytest.raises(CredentialsError, match=r"no machine b\.example"):
        credentials.find(settings, "b.example")


def test_a_keyring_is_asked_for_the_service_and_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = ModuleType("keyring.errors")
    errors.KeyringError = RuntimeError  # type: ignore[attr-defined]
    known = {("library", "dba"): "s3cret"}
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=lambda *key: known.get(key)))
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    settings = {"auth": "digest", "secrets": "keyring", "service": "library"}

    assert credentials.find({**settings, "user": "dba"}, "a.example") == Credentials("digest", "dba", "s3cret")
    with pytest.raises(CredentialsError, match="keyring set library eve"):
        credentials.find({**settings, "user": "eve"}, "a.example")


@pytest.mark.parametrize("settings", [{"auth": "ntlm"}, {"auth": "basic", "secrets": "post-it"}])
def test_a_kind_or_a_place_that_is_not_known_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(CredentialsError, match="is one of"):
        credentials.find(settings, "a.example")


def test_nobody_is_a_fine_caller() -> None:
    assert credentials.find({}, "a.example").kind == "none"
