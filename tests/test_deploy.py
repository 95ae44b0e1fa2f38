"""The files of deploy/: each is used as it is written, with other ports and names."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import shlex
import shutil
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import test_negotiation
from conftest import REPOSITORY
from spacecoop.commands import serve
from test_negotiation import free_port, program
from test_serve import COUNT, JSON, birds_site, serving

__all__ = ["birds_site"]
DEPLOY = REPOSITORY / "deploy"


def ask(
    port: int, target: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Ask over TLS, whoever signed it."""
    trusting = ssl._create_unverified_context()  # noqa: S323
    connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=trusting)
    try:
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def backend(birds_site: Path) -> Iterator[int]:
    with serving(birds_site, "--timeout", "5") as (port, _):
        yield port


@pytest.fixture(scope="module")
def nginx(backend: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    server, folder, port = program("nginx"), tmp_path_factory.mktemp("nginx"), free_port()
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [
        program("openssl"),
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    recipe = (DEPLOY / "nginx.conf").read_text("utf-8")
    recipe = recipe.replace("listen 443", f"listen 127.0.0.1:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{backend}")
    recipe = recipe.replace("/etc/ssl/data.example.org.pem", str(certificate))
    recipe = recipe.replace("/etc/ssl/data.example.org.key", str(key))
    places = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{'user root; ' * (os.geteuid() == 0)}daemon off; pid {folder}/pid; events {{ }}\n"
        f"error_log {folder}/error.log;\nhttp {{ access_log off; {places}\n{recipe}\n}}\n"
    )
    command = [server, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    yield from test_negotiation.serving(command, port, folder / "error.log")


@pytest.fixture(scope="module")
def caddy(backend: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    server, folder, port = program("caddy"), tmp_path_factory.mktemp("caddy"), free_port()
    recipe = (DEPLOY / "Caddyfile").read_text("utf-8").replace("127.0.0.1:8000", f"127.0.0.1:{backend}")
    recipe = recipe.replace("data.example.org {", f"https://localhost:{port} {{\n\ttls internal", 1)
    (folder / "Caddyfile").write_text(
        f"{{\nadmin off\nskip_install_trust\nauto_https disable_redirects\n"
        f"storage file_system {folder}/data\n}}\n{recipe}"
    )
    command = [server, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    for running in test_negotiation.serving(command, port, folder / "caddy.log"):
        for _ in range(100):  # it makes its certificate when it is up
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                ask(running, "/")
                break
            time.sleep(0.1)
        yield running


def assert_the_endpoint_is_as_it_is_without_a_proxy(port: int, too_large: tuple[int, ...] = (413,)) -> None:
    target = f"/sparql?query={quote(COUNT)}"
    form = "application/x-www-form-urlencoded"
    asked = ask(port, target, Accept=JSON)
    posted = ask(port, "/sparql", "POST", f"query={quote(COUNT)}".encode(), Accept=JSON, Content_Type=form)
    thing = ask(port, "/id/crane", Accept="text/turtle")
    large = ask(port, "/sparql", "POST", b"query=" + b"x" * 1_200_000, Content_Type=form)
    described = ask(port, "/sparql", Accept="text/turtle")[2].decode()

    assert (asked[0], posted[0], asked[2]) == (200, 200, posted[2])
    assert (thing[0], thing[1]["location"]) == (303, "/id/crane.ttl")
    assert asked[1]["access-control-allow-origin"] == "*"
    assert large[0] in too_large
    assert f"sd:endpoint <https://localhost:{port}/sparql>" in described
    assert ask(port, "/article/cranes", Accept="text/turtle")[1]["content-type"] == "text/turtle; charset=utf-8"
    assert [ask(port, f"/{path}")[0] for path in ("healthz", "readyz", "metrics")] == [404, 404, 404]


@pytest.mark.extended
def test_nginx_before_the_server_limits_how_often_one_client_asks(nginx: int) -> None:
    assert_the_endpoint_is_as_it_is_without_a_proxy(nginx)
    statuses: Counter[int] = Counter()
    target = f"/sparql?query={quote(COUNT)}"
    asking = [
        threading.Thread(target=lambda: statuses.update([ask(nginx, target)[0] for _ in range(15)])) for _ in range(6)
    ]
    for one in asking:
        one.start()
    for one in asking:
        one.join()

    assert set(statuses) == {200, 429}
    assert ask(nginx, "/article/cranes", Accept="text/turtle")[0] == 200


@pytest.mark.extended
def test_caddy_before_the_server_speaks_tls(caddy: int) -> None:
    assert_the_endpoint_is_as_it_is_without_a_proxy(caddy, (413, 502))  # the latter before Caddy 2.7


@pytest.mark.extended
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    text = (DEPLOY / "spacecoop.service").read_text("utf-8")
    unit = tmp_path / "spacecoop.service"
    unit.write_text(text.replace("/opt/spacecoop/bin/spacecoop", "/bin/true"), "utf-8")
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False, timeout=60)

    assert [line for line in (done.stdout + done.stderr).splitlines() if "spacecoop.service" in line] == []
    assert_is_understood(re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)[0])


def assert_is_understood(command: str) -> None:
    program_, option, _, name, *words = shlex.split(command)
    assert (Path(program_).name, option, name) == ("spacecoop", "-C", "serve")
    parser = argparse.ArgumentParser(exit_on_error=False)
    serve.arguments(parser)
    parser.parse_args(words)


def test_the_container_is_made_from_pypi_alone() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    entry = json.loads(re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[0])
    runs = re.findall(r"^RUN (.*)$", text, re.MULTILINE)

    assert_is_understood(shlex.join(entry))
    assert runs[0] == "pip install --no-cache-dir 'spacecoop[serve]'"
    assert not re.search(r"curl|wget|apt|git ", text)
