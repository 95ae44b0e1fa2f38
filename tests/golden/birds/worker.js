// The service worker: requests to `sparql` go to the page's engine; the page itself is kept to be read offline.
"use strict";

const KEPT = "spacecoop";
const scope = new URL(self.registration.scope);
const PAGE = /^(?:ask(?:\.\w+)*\.html|ask\.(?:js|json)|engine\.js|dataset\.nq|(?:assets|styles)\/[\w.]+)$/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const path = url.pathname.slice(scope.pathname.length);
  if (path === "sparql" && !event.request.headers.has("X-Spacecoop")) event.respondWith(answer(event, url));
  else if (event.request.method === "GET" && PAGE.test(path)) event.respondWith(kept(event.request, path));
});

/** Read from the network, and from what was kept where there is none. */
async function kept(request, path) {
  const cache = await caches.open(KEPT);
  try {
    const response = await fetch(request);
    if (response.ok && response.status === 200) await cache.put(path, response.clone());
    return response;
  } catch (error) {
    const before = await cache.match(path);
    if (before) return before;
    throw error;
  }
}

/** Answer as SPARQL 1.1 Protocol has it, by the engine of the page that asks. */
async function answer(event, url) {
  const { request } = event;
  let pairs = url.searchParams;
  let query = pairs.get("query");
  if (request.method === "POST") {
    const type = (request.headers.get("Content-Type") ?? "").split(";")[0].trim();
    const body = await request.text();
    if (type === "application/sparql-query") query = body;
    else if (type === "application/x-www-form-urlencoded") {
      pairs = new URLSearchParams(body);
      query = pairs.get("query") ?? query;
    } else return refuse(415, "a question comes as application/x-www-form-urlencoded or application/sparql-query");
  }
  if (pairs.has("update")) return refuse(403, "this endpoint is read-only");
  if (query === null) return refuse(400, "there is no query");
  const question = {
    query,
    accept: pairs.get("format") ?? request.headers.get("Accept") ?? "*/*",
    graphs: pairs.getAll("default-graph-uri"),
    named: pairs.getAll("named-graph-uri"),
  };
  const page = (await self.clients.get(event.clientId)) ?? (await self.clients.matchAll({ type: "window" }))[0];
  if (!page) return refuse(503, "no page is open that can answer");
  const channel = new MessageChannel();
  const said = new Promise((resolve) => (channel.port1.onmessage = ({ data }) => resolve(data)));
  page.postMessage({ question }, [channel.port2]);
  const { status, type, body } = await said;
  return new Response(body, { status, headers: { "Content-Type": type, "Access-Control-Allow-Origin": "*" } });
}

function refuse(status, reason) {
  return new Response(`${reason}\n`, { status, headers: { "Content-Type": "text/plain; charset=utf-8" } });
}
