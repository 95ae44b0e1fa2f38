"""One table of documents; the servers that read it give each reader what RFC 9110 says."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spacecoop import publish, workspace
from spacecoop.harvest import negotiation
from spacecoop.harvest.negotiation import Feed

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
COMUNICA = (
    "application/n-quads,application/trig;q=0.95,application/ld+json;q=0.9,application/n-triples;q=0.8,text/turtle;q=0.6,"
    "application/rdf+xml;q=0.5,text/n3;q=0.35,application/xml;q=0.3,image/svg+xml;q=0.3,text/html;q=0.2"
)
RDFLIB = "text/turtle, application/rdf+xml;q=0.9, application/n-triples;q=0.8, application/ld+json;q=0.7, */*;q=0.1"
RDFLIB_OLD = "application/rdf+xml,text/rdf+n3;q=0.9,application/xhtml+xml;q=0.5, */*;q=0.1"
SPARQLWRAPPER = (
    "application/rdf+xml,text/turtle,text/n3,application/n-triples,application/trig,application/ld+json,text/xml"
)
JENA = (
    "text/turtle,application/n-triples;q=0.9,application/ld+json;q=0.8,application/rdf+xml;q=0.7,"
    "application/trig,application/n-quads;q=0.9,*/*;q=0.3"
)
CURL, CHROME = "*/*", f"{BROWSER},application/signed-exchange;v=b3;q=0.7"
JSONLD_JS = 'application/ld+json;profile="http://www.w3.org/ns/json-ld#context", application/json;q=0.5'

MATRIX = [
    ("/", BROWSER, 200, "text/html"),
    ("/", "text/turtle", 200, "text/turtle"),
    ("/", None, 200, "text/html"),
    ("/article/cranes", None, 200, "text/turtle"),
    ("/article/cranes", "*/*", 200, "text/turtle"),
    ("/article/cranes", BROWSER, 200, "text/html"),
    ("/article/cranes", COMUNICA, 200, "application/n-quads"),
    ("/article/cranes", RDFLIB, 200, "text/turtle"),
    ("/article/cranes", RDFLIB_OLD, 200, "text/turtle"),
    ("/article/cranes", SPARQLWRAPPER, 200, "text/turtle"),
    ("/article/cranes", JENA, 200, "text/turtle"),
    ("/article/cranes", CHROME, 200, "text/html"),
    ("/", CHROME, 200, "text/html"),
    ("/", RDFLIB, 200, "text/turtle"),
    ("/", COMUNICA, 200, "application/ld+json"),
    ("/void", JENA, 200, "text/turtle"),
    ("/feed", BROWSER, 200, "application/trig"),
    ("/feed", COMUNICA, 200, "application/trig"),
    ("/feed/1", CURL, 200, "application/trig"),
    ("/article/cranes", "application/n-quads ; q=1.000 ,text/turtle; q=0.999", 200, "application/n-quads"),
    ("/article/cranes", "text/turtle;charset=utf-8;q=0.2,\tapplication/ld+json;q=0.9", 200, "application/ld+json"),
    ("/article/cranes", "", 200, "text/turtle"),
    ("/article/cranes", JSONLD_JS, 200, "application/ld+json"),
    (
        "/article/cranes",
        "text/turtle;q=0.3, application/trig;q=0.7, application/ld+json;q=0.5",
        200,
        "application/trig",
    ),
    ("/article/cranes", "TEXT/TURTLE;Q=0.4,application/trig;q=0.2", 200, "text/turtle"),
    ("/article/cranes", "application/*;q=0.8, text/turtle;q=0.2", 200, "application/trig"),
    ("/article/cranes", "application/trig;q=0, text/turtle;q=0.001", 200, "text/turtle"),
    ("/article/cranes", "application/pdf", 406, "text/plain"),
    ("/article/cranes", "text/turtle;q=0", 406, "text/plain"),
    ("/article/cranes", "application/pdf, application/rdf+xml", 406, "text/plain"),
    ("/id/crane", "application/ld+json", 303, "/id/crane.jsonld"),
    ("/id/crane", BROWSER, 303, "/id/crane.html"),
    ("/vocabulary", BROWSER, 200, "text/html"),
    ("/id/crane", RDFLIB, 303, "/id/crane.ttl"),
    ("/id/crane.jsonld", "text/turtle", 200, "application/ld+json"),
    ("/id/crane", "image/png", 406, "text/plain"),
    ("/vocabulary", "application/rdf+xml", 200, "application/rdf+xml"),
    ("/vocabulary", COMUNICA, 200, "application/ld+json"),
    ("/catalog", COMUNICA, 200, "application/ld+json"),
    ("/dataset", "application/n-triples", 200, "application/n-triples"),
    ("/feed", "application/atom+xml", 200, "application/atom+xml"),
    ("/feed", "application/trig", 200, "application/trig"),
    ("/article/cranes.ttl", "application/pdf", 200, "text/turtle"),
    ("/dataset.nq.gz", None, 200, "application/gzip"),
    ("/.well-known/void", None, 200, "text/turtle"),
    ("/article/nothing", "text/turtle", 404, None),
    ("/article/nothing", "image/png", 404, None),
    ("/id/nobody", "text/turtle", 404, None),
    ("/id/nobody", BROWSER, 404, None),
    ("/id/nobody", "image/png", 404, None),
]


@pytest.mark.parametrize("accept", [None, "*/*", "application/x-unknown, */*;q=0.5"])
def test_who_does_not_care_gets_turtle_where_there_is_any_but_for_the_home_page(accept: str | None) -> None:
    rows = negotiation.table({"ns": [".ttl", ".rdf", ".jsonld", ".html"], "query/x": [".ttl", ".html"]})
    chosen = {row.name: negotiation.choose(row, accept) for row in rows if ".ttl" in row.endings}

    assert chosen.pop("home") == ".html"
    assert set(chosen.values()) == {".ttl"}


@pytest.fixture
def site(birds: Path) -> Path:
    """What is served: a built workspace whose vocabulary has a document of its own."""
    ontology = birds / "ontology" / "vocabulary.ttl"
    text = ontology.read_text("utf-8")
    if "owl#Ontology" not in text and "owl:Ontology" not in text:
        ontology.write_text(
            f"{text}\n<https://example.org/birds/vocabulary> a <http://www.w3.org/2002/07/owl#Ontology> .\n", "utf-8"
        )
    for number in (11, 12):
        record = f"printed: {{on: 2026-03-{number}T08:00:00Z}}"
        text = f"id: https://example.org/leaflets/{number}\na: Leaflet\n{record}\n{SIGHTING}"
        (birds / "articles" / f"leaflet-{number}.yaml").write_text(text, "utf-8")
    settings = birds / "spacecoop.toml"
    settings.write_text(settings.read_text("utf-8") + "\n[feed]\npage = 3\n", "utf-8")
    publish.publish(workspace.read(birds))
    return birds / "out"


SIGHTING = "sightings:\n  - {id: this:morning, species: crane, count: 3}\n"


def ask(port: int, path: str, accept: str | None) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    if accept is not None:
        connection.putheader("Accept", accept)
    connection.endheaders()
    answer = connection.getresponse()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return answer.status, headers, answer.read().decode("utf-8", "replace")


def assert_the_matrix_holds(port: int) -> None:
    wrong = []
    for path, accept, status, kind in MATRIX:
        got, headers, body = ask(port, path, accept)
        seen = headers.get("location", "") if got == 303 else headers.get("content-type", "").partition(";")[0]
        seen = re.sub(r"^https?://[^/]+", "", seen)
        if got != status or (kind is not None and seen != kind and status != 406):
            wrong.append(f"{path} for {accept}: {got} {seen}, not {status} {kind}")
        if got == 406 and "text/turtle" not in body:
            wrong.append(f"{path}: the refusal does not list what there is")
        if headers.get("access-control-allow-origin") != "*":
            wrong.append(f"{path}: {got} without CORS")
        if got in (200, 303, 406) and "accept" not in headers.get("vary", "").lower():
            wrong.append(f"{path}: {got} without Vary")
        if kind == "text/turtle" and got == 200 and "utf-8" not in headers.get("content-type", "").lower():
            wrong.append(f"{path}: Turtle without charset")
        if got == 200 and path == "/article/cranes" and headers.get("content-location", "").partition(".")[0] != path:
            wrong.append(f"{path}: Content-Location is {headers.get('content-location')}")
    assert not wrong, "\n".join(wrong)


def send(port: int, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def assert_caches_are_told(port: int) -> None:
    """Closed pages of the feed are kept for good, open ones for a while; what has not changed is not sent again."""
    kept = {path: send(port, "GET", path)[1].get("cache-control") for path in ("/feed/1.trig", "/feed/2.trig", "/feed")}
    assert kept == {
        "/feed/1.trig": "max-age=31536000, immutable",
        "/feed/2.trig": "max-age=300",
        "/feed": "max-age=300",
    }
    assert send(port, "GET", "/feed/1", Accept="application/trig")[1]["cache-control"] == negotiation.FOR_GOOD
    for path in ("/feed/1.trig", "/feed", "/article/cranes", "/dataset.nt"):
        status, headers, _ = send(port, "GET", path)
        assert (status, headers["etag"] != "") == (200, True)
        assert send(port, "GET", path, If_None_Match=headers["etag"])[::2] == (304, b"")


def assert_head_is_get_without_a_body(port: int) -> None:
    for path, accept, status, _ in MATRIX:
        accepting = {} if accept is None else {"Accept": accept}
        got, headers, body = send(port, "HEAD", path, **accepting)
        _, whole, _ = send(port, "GET", path, **accepting)
        assert (got, body) == (status, b"")
        for name in ("content-type", "location", "access-control-allow-origin", "vary", "content-location"):
            assert headers.get(name) == whole.get(name), f"{name} of {path} for {accept}"


def assert_rdflib_reads_what_it_is_given(port: int, site: Path) -> None:
    """Without being told a format, from the media type alone; also by way of 303."""
    import rdflib

    for path in ("article/cranes", "id/crane", "vocabulary", "catalog", ".well-known/void"):
        read = rdflib.Graph().parse(f"http://127.0.0.1:{port}/{path}")
        file = site / f"{'void' if path == '.well-known/void' else path}.ttl"
        assert set(read) == set(rdflib.Graph().parse(file)), path


def assert_all_holds(port: int, site: Path) -> None:
    assert_the_matrix_holds(port)
    assert_caches_are_told(port)
    assert_head_is_get_without_a_body(port)
    assert_rdflib_reads_what_it_is_given(port, site)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"the server did not start: {log.read_text('utf-8') if log.exists() else ''}")


def serving(command: list[str], port: int, log: Path) -> Iterator[int]:
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        wait_for(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def program(*names: str) -> str:
    for name in names:
        found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")
        if found:
            return found
    pytest.skip(f"{names[0]} is not installed: apt-get install {names[0]}")


@pytest.fixture
def apache(site: Path, tmp_path: Path) -> Iterator[int]:
    httpd, port = program("apache2"), free_port()
    modules = Path("/usr/lib/apache2/modules")
    names = ["mpm_event", "authz_core", "dir", "mime", "rewrite", "headers", "env"]
    (tmp_path / "httpd.conf").write_text(
        "\n".join(
            [
                *(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in names),
                f"ServerRoot {tmp_path}",
                "ServerName localhost",
                f"Listen 127.0.0.1:{port}",
                f"PidFile {tmp_path}/httpd.pid",
                f"ErrorLog {tmp_path}/error.log",
                "TypesConfig /dev/null",
                f"DocumentRoot {site}",
                f"<Directory {site}>",
                "AllowOverride All",
                "Require all granted",
                "</Directory>",
            ]
        )
    )
    command = [httpd, "-f", str(tmp_path / "httpd.conf"), "-DFOREGROUND"]
    yield from serving(command, port, tmp_path / "error.log")


@pytest.fixture
def nginx(site: Path, tmp_path: Path) -> Iterator[int]:
    server, port = program("nginx"), free_port()
    maps, rest = (site / "hosting" / "nginx.conf").read_text("utf-8").split("# In server { }")
    inside = rest.partition("\n")[2]
    (tmp_path / "nginx.conf").write_text(
        f"{'user root; ' * (os.geteuid() == 0)}daemon off; pid {tmp_path}/nginx.pid; events {{ }}\n"
        f"error_log {tmp_path}/error.log;\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;"
        f" fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;\n{maps}\n"
        f"server {{ listen 127.0.0.1:{port}; root {site};\n{inside}\n}} }}\n"
    )
    command = [server, "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log")]
    yield from serving(command, port, tmp_path / "error.log")


@pytest.fixture
def caddy(site: Path, tmp_path: Path) -> Iterator[int]:
    server, port = program("caddy"), free_port()
    inside = (site / "hosting" / "Caddyfile").read_text("utf-8")
    (tmp_path / "Caddyfile").write_text(
        f"{{\nadmin off\nauto_https off\n}}\nhttp://127.0.0.1:{port} {{\nroot * {site}\n{inside}\n}}\n"
    )
    command = [server, "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"]
    yield from serving(command, port, tmp_path / "caddy.log")


@pytest.mark.extended
def test_apache_gives_each_reader_what_it_asks_for(apache: int, site: Path) -> None:
    assert_all_holds(apache, site)


@pytest.mark.extended
def test_nginx_gives_each_reader_what_it_asks_for(nginx: int, site: Path) -> None:
    assert_all_holds(nginx, site)


@pytest.mark.extended
def test_caddy_gives_each_reader_what_it_asks_for(caddy: int, site: Path) -> None:
    assert_all_holds(caddy, site)


@pytest.mark.extended
def test_w3id_sends_each_reader_to_the_right_file(tmp_path: Path) -> None:
    rows = negotiation.table({"vocabulary": [".ttl", ".jsonld", ".rdf"]})
    folder = tmp_path / "w3id"
    (folder / "birds").mkdir(parents=True)
    home = "https://birds.example.net/data/"
    (folder / "birds" / ".htaccess").write_text(negotiation.rules(rows, home, Feed())["hosting/w3id.htaccess"], "utf-8")
    httpd, port = program("apache2"), free_port()
    modules = "/usr/lib/apache2/modules"
    names = ["mpm_event", "authz_core", "rewrite", "headers", "env"]
    (tmp_path / "w3id.conf").write_text(
        "\n".join(
            [
                *(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in names),
                f"ServerRoot {tmp_path}\nServerName localhost\nListen 127.0.0.1:{port}",
                f"PidFile {tmp_path}/w3id.pid\nErrorLog {tmp_path}/w3id.log\nDocumentRoot {folder}",
                f"<Directory {folder}>\nAllowOverride All\nRequire all granted\n</Directory>",
            ]
        )
    )
    asked = {}
    for port_ in serving([httpd, "-f", str(tmp_path / "w3id.conf"), "-DFOREGROUND"], port, tmp_path / "w3id.log"):
        for path, accept in [
            ("", BROWSER),
            ("article/cranes", COMUNICA),
            ("article/cranes", None),
            ("id/crane", "application/ld+json"),
            ("vocabulary", "application/rdf+xml"),
            ("dataset.nq.gz", None),
            ("article/cranes", "application/pdf"),
        ]:
            status, headers, _ = ask(port_, f"/birds/{path}", accept)
            asked[path, accept] = (status, headers.get("location", "").removeprefix(home))

    assert asked == {
        ("", BROWSER): (303, "index.html"),
        ("article/cranes", COMUNICA): (303, "article/cranes.nq"),
        ("article/cranes", None): (303, "article/cranes.ttl"),
        ("id/crane", "application/ld+json"): (303, "id/crane.jsonld"),
        ("vocabulary", "application/rdf+xml"): (303, "vocabulary.rdf"),
        ("dataset.nq.gz", None): (302, "dataset.nq.gz"),
        ("article/cranes", "application/pdf"): (406, ""),
    }


@pytest.mark.extended
def test_the_edge_function_chooses_as_the_servers_do(site: Path, tmp_path: Path) -> None:
    node = program("node")
    shutil.copy(site / "hosting" / "negotiate.js", tmp_path / "negotiate.mjs")
    cases = [[path, accept, status, kind] for path, accept, status, kind in MATRIX if status in (200, 303, 406)]
    (tmp_path / "run.mjs").write_text(
        'import { choose } from "./negotiate.mjs";\n'
        f"const cases = {json.dumps(cases)};\n"
        "console.log(JSON.stringify(cases.map(([path, accept]) => choose(path, accept))));\n"
    )
    done = subprocess.run([node, tmp_path / "run.mjs"], capture_output=True, text=True, check=True, timeout=60)

    for (path, _, status, kind), chosen in zip(cases, json.loads(done.stdout), strict=True):
        if chosen is None:  # a file, asked for by its own name
            assert "." in str(path)
        elif status == 406:
            assert chosen["status"] == 406
            assert "text/turtle" in chosen["list"]
        else:
            ending = "." + chosen["file"].rpartition(".")[2]
            assert (chosen["status"], chosen["file"] if status == 303 else negotiation.FILE_TYPES[ending]) == (
                status,
                kind,
            )


@pytest.mark.extended
def test_the_edge_function_answers_with_the_right_headers(site: Path, tmp_path: Path) -> None:
    node = program("node")
    shutil.copy(site / "hosting" / "negotiate.js", tmp_path / "negotiate.mjs")
    asked = [["article/cranes", COMUNICA], ["id/crane", RDFLIB], ["feed", "application/pdf"], ["dataset.nt", "*/*"]]
    asked += [["id/nobody", RDFLIB], ["article/nothing", "application/pdf"], ["article/nothing", RDFLIB]]
    (tmp_path / "run.mjs").write_text(
        'import handle from "./negotiate.mjs";\n'
        "const status = (path) => /nobody|nothing/.test(path) ? 404 : 200;\n"
        "const answer = (path) => new Response(path, { status: status(path) });\n"
        "const context = { next: async (request) => answer(new URL(request.url).pathname) };\n"
        f"const answers = {json.dumps(asked)}.map(async ([path, accept]) => {{\n"
        "  const answer = await handle(new Request(`https://b.example/${path}`, { headers: { accept } }), context);\n"
        "  return answer && [answer.status, Object.fromEntries(answer.headers), await answer.text()];\n"
        "});\n"
        "console.log(JSON.stringify(await Promise.all(answers)));\n"
    )
    done = subprocess.run([node, tmp_path / "run.mjs"], capture_output=True, text=True, check=True, timeout=60)
    found, sent, refused, plain, *missing = json.loads(done.stdout)

    assert (found[0], found[2], found[1]["content-location"]) == (200, "/article/cranes.nq", "/article/cranes.nq")
    assert (sent[0], sent[1]["location"]) == (303, "/id/crane.ttl")
    assert (refused[0], refused[2]) == (406, "Not Acceptable. There is: application/trig, application/atom+xml\n")
    assert [status for status, _, _ in missing] == [404, 404, 404]
    assert plain is None  # the host serves it as it is
    for _, headers, _ in (found, sent, refused):
        assert (headers["vary"], headers["access-control-allow-origin"]) == ("Accept", "*")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (COMUNICA, "application/n-quads"),
        ("text/turtle;q=0.3, application/trig;q=0.7", "application/trig"),
        ("application/trig;q=0, text/turtle;q=0.001", "text/turtle"),
        ("text/turtle;q=0", None),
        ("application/turtle-not", None),
        ("text/turtle+x", None),
        ('application/ld+json;profile="http://www.w3.org/ns/json-ld#context"', "application/ld+json"),
    ],
)
def test_the_first_rung_of_the_ladder_that_fits_names_the_range(accept: str, chosen: str | None) -> None:
    row = next(row for row in negotiation.table({}) if row.name == "article")
    found = (re.search(rung, accept, re.IGNORECASE) for rung in negotiation.ladder(row))

    assert next((match.group(1) for match in found if match), None) == chosen


def test_without_a_known_home_there_are_no_rules_for_w3id() -> None:
    rows = negotiation.table({"ns": [".ttl"], "article/a": [".ttl"]})

    assert "hosting/w3id.htaccess" not in negotiation.rules(rows, None, Feed())
    assert "https://h.example/article/" not in "".join(negotiation.rules(rows, None, Feed()).values())
