// Made by `spacecoop build`: put it into netlify/edge-functions/ beside the site.
const rows = [
 {
  "pattern": "()",
  "endings": [
   ".html",
   ".ttl",
   ".jsonld"
  ],
  "files": [
   "index",
   "catalog",
   "catalog"
  ],
  "seeOther": false
 },
 {
  "pattern": "(catalog|void)",
  "endings": [
   ".ttl",
   ".jsonld"
  ],
  "files": [],
  "seeOther": false
 },
 {
  "pattern": "(dataset)",
  "endings": [
   ".ttl",
   ".trig",
   ".nq",
   ".nt",
   ".jsonld"
  ],
  "files": [],
  "seeOther": false
 },
 {
  "pattern": "(feed)",
  "endings": [
   ".trig",
   ".atom"
  ],
  "files": [],
  "seeOther": false
 },
 {
  "pattern": "(feed/[0-9]+)",
  "endings": [
   ".trig"
  ],
  "files": [],
  "seeOther": false
 },
 {
  "pattern": "(article/[^./?#]+)",
  "endings": [
   ".ttl",
   ".trig",
   ".nq",
   ".jsonld",
   ".html"
  ],
  "files": [],
  "seeOther": false
 },
 {
  "pattern": "(id/[^./?#]+)",
  "endings": [
   ".ttl",
   ".jsonld",
   ".html"
  ],
  "files": [],
  "seeOther": true
 },
 {
  "pattern": "(vocabulary)",
  "endings": [
   ".ttl",
   ".jsonld",
   ".rdf",
   ".html"
  ],
  "files": [],
  "seeOther": false
 },
 {
  "pattern": "(query/[^./?#]+)",
  "endings": [
   ".ttl",
   ".jsonld",
   ".html"
  ],
  "files": [],
  "seeOther": false
 }
];
const mediaTypes = {
 ".ttl": "text/turtle",
 ".trig": "application/trig",
 ".nt": "application/n-triples",
 ".nq": "application/n-quads",
 ".jsonld": "application/ld+json",
 ".rdf": "application/rdf+xml",
 ".html": "text/html",
 ".atom": "application/atom+xml"
};

function quality(accept, kind) {
  // the most specific range decides (RFC 9110, section 12.5.1)
  let best = { rank: -1, q: 0, at: 0 };
  accept.split(",").forEach((part, at) => {
    const [range, ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const rank = [`*/*`, `${kind.split("/")[0]}/*`, kind].indexOf(range);
    const q = parameters.filter((text) => text.startsWith("q=")).map((text) => Number(text.slice(2)))[0] ?? 1;
    if (rank > best.rank) best = { rank, q: Number.isNaN(q) ? 0 : q, at };
  });
  return best;
}

export function choose(path, accept) {
  const row = rows.find((row) => new RegExp(`^/${row.pattern}$`).test(path));
  if (!row) return null;
  const found = row.endings.map((ending) => ({ ending, ...quality(accept || "*/*", mediaTypes[ending]) }));
  found.sort((one, other) => other.q - one.q || one.at - other.at);
  const list = row.endings.map((ending) => mediaTypes[ending]).join(", ");
  const first = row.files.length ? null : `${path}${row.endings[0]}`;
  if (found[0].q <= 0) return { status: 406, list, first };
  const file = row.files[row.endings.indexOf(found[0].ending)] ?? path.slice(1);
  return { status: row.seeOther ? 303 : 200, file: `/${file}${found[0].ending}`, first };
}

export default async (request, context) => {
  const chosen = choose(new URL(request.url).pathname, request.headers.get("accept"));
  if (!chosen) return;
  const headers = { Vary: "Accept", "Access-Control-Allow-Origin": "*" };
  if (chosen.status !== 200 && chosen.first) {
    const there = await context.next(new Request(new URL(chosen.first, request.url), { method: "HEAD" }));
    if (there.status === 404) return new Response("Not Found\n", { status: 404, headers });
  }
  if (chosen.status === 406) {
    const text = `Not Acceptable. There is: ${chosen.list}\n`;
    return new Response(text, { status: 406, headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" } });
  }
  if (chosen.status === 303) return new Response(null, { status: 303, headers: { ...headers, Location: chosen.file } });
  const answer = await context.next(new Request(new URL(chosen.file, request.url), request));
  answer.headers.set("Content-Location", chosen.file);
  Object.entries(headers).forEach(([name, value]) => answer.headers.set(name, value));
  return answer;
};

export const config = { path: "/*" };
