"""Articles and claims become nanopublications that prove themselves; nothing is signed or sent by itself."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run
from spacecoop import output, workspace
from spacecoop.harvest import nanopubs
from spacecoop.harvest.nanopubs import Key, Malformed
from spacecoop.quads import text

SIGNER = "https://orcid.org/0000-0002-1825-0097"  # ORCID's own example person

needs_library = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("nanopub") is None,
    reason="the optional library is not installed: pip install 'spacecoop[nanopub]'",
)
pytestmark = needs_library


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A copy of the repository's settings, queries and articles as published."""
    shutil.copy(REPOSITORY / "spacecoop.toml", tmp_path)
    shutil.copytree(REPOSITORY / "queries", tmp_path / "queries")
    shutil.copytree(REPOSITORY / "out" / "article", tmp_path / "out" / "article")
    return tmp_path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key made for this test."""
    from Crypto.PublicKey import RSA

    path = tmp_path / "key.pem"
    path.write_bytes(RSA.generate(2048).export_key("PEM", pkcs=8))
    return path


def exported(folder: Path, slug: str = "a001", key: Key | None = None) -> nanopubs.Nanopub:
    quads = output.read(folder / "out" / "article" / f"{slug}.nq")
    return nanopubs.convert_article(quads, slug, workspace.read(folder), key)


def claims(folder: Path) -> list[nanopubs.Nanopub]:
    quads = output.read(folder / "out" / "article" / "a001.nq")
    return list(nanopubs.convert_claims(quads, "a001", workspace.read(folder)))


def test_an_article_is_one_nanopublication_that_its_iri_proves(ours: Path) -> None:
    one = exported(ours)
    path = nanopubs.write(one, ours / "np", workspace.read(ours))

    assert one.iri.startswith("https://w3id.org/spacecoop/np/RA")
    assert len(one.code) == 45
    assert nanopubs.check(nanopubs.read(path)) is False  # whole, and not signed
    graphs = {text(quad.graph_name).rpartition("#")[2] for quad in one.quads}
    assert graphs == {"Head", "assertion", "provenance", "pubinfo"}
    assert any(text(quad.object) == "https://w3id.org/spacecoop/article/a001" for quad in one.quads)


def test_the_same_article_gives_the_same_bytes(ours: Path) -> None:
    first = nanopubs.write(exported(ours), ours / "one", workspace.read(ours))
    second = nanopubs.write(exported(ours), ours / "two", workspace.read(ours))

    assert (first.name, first.read_bytes()) == (second.name, second.read_bytes())


def test_a_changed_word_is_noticed(ours: Path) -> None:
    path = nanopubs.write(exported(ours), ours / "np", workspace.read(ours))
    path.write_text(path.read_text("utf-8").replace("China", "Chinb", 1), "utf-8")

    with pytest.raises(Malformed, match="RA"):
        nanopubs.check(nanopubs.read(path))


def test_each_claim_is_a_nanopublication_of_its_own_with_its_evidence(ours: Path) -> None:
    made = claims(ours)

    assert len(made) == 27
    assert len({one.iri for one in made}) == 27
    for one in made:
        assert nanopubs.check(one) is False
        assert len(one.quads) < nanopubs.MOST_TRIPLES
    [fourth] = [one for one in made if any(text(quad.object) == "A-04" for quad in one.quads)]
    said = {text(quad.subject).rpartition("#")[2] for quad in fourth.quads if "assertion" in text(quad.graph_name)}
    assert {"A-04", "agreement", "signing"} <= said
    assert "A-05" not in said


def test_a_signature_is_made_with_the_users_key_alone_and_proved(ours: Path, key: Path) -> None:
    one = exported(ours, key=Key(key, SIGNER))
    path = nanopubs.write(one, ours / "np", workspace.read(ours))

    assert nanopubs.check(nanopubs.read(path)) is True
    written = path.read_text("utf-8")
    assert f"npx:signedBy <{SIGNER}>" in written
    assert key.read_text("ascii").splitlines()[1] not in written  # the key itself goes nowhere
    assert not any("hasSignature" in quad.predicate.value for quad in exported(ours).quads)


def test_the_other_tool_of_the_network_proves_it_too(ours: Path) -> None:
    nanopub_sign = pytest.importorskip("nanopub_sign", reason="pip install nanopub-sign")
    # nanopub-sign 0.2.0 sorts texts of several languages by language first, where the Java and Python libraries sort
    # by the text (trustyuri-java, StatementComparator): it agrees where both orders are the same
    agreed = []
    for one in claims(ours):
        path = nanopubs.write(one, ours / "np", workspace.read(ours))
        try:
            nanopub_sign.Nanopub(path.read_text("utf-8")).check()
        except Exception as error:
            assert "hash of the nanopublication is different" in str(error)
        else:
            agreed.append(one)

    assert len(agreed) >= 5


def test_the_command_writes_checks_and_refuses(ours: Path, run: Run, key: Path) -> None:
    done = run("-C", ours, "nanopub", "a002")
    files = sorted((ours / "nanopubs").glob("*.trig"))

    assert (done.returncode, len(files)) == (0, 1)
    assert "not signed" in done.stdout
    checked = run("-C", ours, "nanopub", "--check", files[0])
    assert checked.stdout == f"{files[0]}: content and IRI agree, not signed\n"
    assert "no-such.nq is not there" in run("-C", ours, "nanopub", "no-such").stderr
    unsigned = run("-C", ours, "nanopub", "a002", "--key", key)
    assert (unsigned.returncode, "--signer" in unsigned.stderr) == (1, True)
    files[0].write_text(files[0].read_text("utf-8").replace("Create", "Destroy").replace("2026", "2027"), "utf-8")
    broken = run("-C", ours, "nanopub", "--check", files[0])
    assert (broken.returncode, "Traceback" in broken.stderr) == (1, False)


class Registry(http.server.BaseHTTPRequestHandler):
    """A registry that keeps what it is given."""

    taken: list[tuple[str, bytes]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused = b"ProtectedNanopub" in body
        if not refused:
            self.taken.append((self.headers["Content-Type"], body))
        self.send_response(403 if refused else 201)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[str]:
    Registry.taken.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_publishing_is_an_act_of_its_own_and_takes_signed_ones_only(
    ours: Path, run: Run, key: Path, registry: str
) -> None:
    plain = nanopubs.write(exported(ours), ours / "np", workspace.read(ours))
    signed = nanopubs.write(exported(ours, key=Key(key, SIGNER)), ours / "np", workspace.read(ours))

    refused = run("-C", ours, "nanopub", "--publish", registry, plain)
    done = run("-C", ours, "nanopub", "--publish", registry, signed)

    assert (refused.returncode, "is not signed" in refused.stderr) == (1, True)
    assert (done.returncode, done.stdout) == (0, f"{signed}: {registry} took it\n")
    assert Registry.taken == [("application/trig", signed.read_bytes())]


def test_a_registry_that_is_not_there_is_an_error_that_says_so(ours: Path, run: Run, key: Path) -> None:
    signed = nanopubs.write(exported(ours, key=Key(key, SIGNER)), ours / "np", workspace.read(ours))
    done = run("-C", ours, "nanopub", "--publish", "http://127.0.0.1:9/", signed)

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "did not take" in done.stderr


def test_a_key_that_is_none_is_refused_without_being_shown(ours: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("-----BEGIN-----\nc2VjcmV0\n-----END-----\n")
    done = run("-C", ours, "nanopub", "a001", "--key", tmp_path / "bad.pem", "--signer", SIGNER)

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "c2VjcmV0" not in done.stderr + done.stdout


def test_without_the_library_the_command_says_how_to_get_it(ours: Path, tmp_path: Path, run: Run) -> None:
    hidden = tmp_path / "hidden" / "nanopub"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('hidden')\n")
    done = run("-C", ours, "nanopub", PYTHONPATH=str(hidden.parent))

    assert (done.returncode, "pip install 'spacecoop[nanopub]'" in done.stderr) == (1, True)
    assert not (ours / "nanopubs").exists()
