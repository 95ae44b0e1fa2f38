// The query page: a service worker makes `sparql` beside this page an endpoint, and an engine in a worker answers it.
// Where a server answers there already, it is asked. Where anything is missing, the plain form stays.
"use strict";

const editor = document.getElementById("editor");
const endpoint = new URL("sparql", document.baseURI).href;
const limit = Number(new URLSearchParams(location.search).get("seconds") ?? editor.dataset.seconds) * 1000;
const state = document.getElementById("state");
const engine = { worker: null, waiting: new Map(), next: 0 };

function say(text) {
  state.textContent = text;
}

/** Start the engine anew; what was asked of the old one is answered with *reason*. */
function restart(reason) {
  engine.worker?.terminate();
  for (const answer of engine.waiting.values()) answer({ status: 503, type: "text/plain", body: reason });
  engine.waiting.clear();
  engine.worker = new Worker("engine.js", { type: "module" });
  engine.worker.onmessage = ({ data }) => {
    engine.waiting.get(data.id)?.(data);
    engine.waiting.delete(data.id);
  };
  engine.worker.onerror = (error) => {
    for (const answer of engine.waiting.values()) answer({ status: 500, type: "text/plain", body: error.message || "the engine ended" });
    engine.waiting.clear();
    engine.worker = null;
  };
}

/** Answer one question; at its time the engine is ended, whatever it does. The first may also load the data. */
function ask(question) {
  if (engine.worker === null) restart("");
  const id = engine.next++;
  return new Promise((resolve) => {
    const late = setTimeout(() => {
      if (engine.waiting.has(id)) restart(editor.dataset.slow);
    }, limit + (engine.loaded ? 0 : 30000));
    engine.waiting.set(id, (answer) => {
      clearTimeout(late);
      if (answer.status === 200) engine.loaded = true;
      resolve(answer);
    });
    engine.worker.postMessage({ id, ...question });
  });
}

/** Have requests to `sparql` answered in this page. Returns whether they are. */
async function serve() {
  if (!("serviceWorker" in navigator) || typeof WebAssembly === "undefined") return false;
  navigator.serviceWorker.addEventListener("message", async ({ data, ports }) => {
    if (data.question && ports[0]) ports[0].postMessage(await ask(data.question));
  });
  await navigator.serviceWorker.register("worker.js");
  await navigator.serviceWorker.ready;
  if (navigator.serviceWorker.controller === null) {
    await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
  }
  navigator.serviceWorker.startMessages();
  return true;
}

/** Start the engine and have it load the data, while the rest of the page is being made ready. */
function warm() {
  if (typeof WebAssembly === "undefined") return;
  if (engine.worker === null) restart("");
  engine.worker.postMessage({ id: -1, load: true });
}

/** Tell whether a server answers SPARQL at `sparql`. */
async function isServed() {
  try {
    const answer = await fetch(`${endpoint}?query=${encodeURIComponent("ASK {}")}`, {
      headers: { Accept: "application/sparql-results+json", "X-Spacecoop": "server" },
    });
    return answer.ok && (await answer.json()).boolean === true;
  } catch {
    return false;
  }
}

/** Offer the prefixes, classes, properties and things of this dataset while somebody types. */
function complete(Yasqe, about) {
  const offered = { class: about.classes, property: about.properties };
  for (const [name, iris] of Object.entries(offered)) {
    const given = Yasqe.Autocompleters[name];
    if (given) Yasqe.registerAutocompleter({ ...given, persistenceId: undefined, bulk: true, get: () => iris }, true);
  }
  const prefixes = Yasqe.Autocompleters.prefixes;
  if (prefixes) {
    const rows = Object.entries(about.prefixes).map(([prefix, iri]) => `${prefix}: <${iri}>`);
    Yasqe.registerAutocompleter({ ...prefixes, persistenceId: undefined, get: () => rows }, true);
  }
}

async function begin() {
  const there = typeof Yasgui === "undefined" ? null : isServed();
  there?.then((served) => served || warm());
  const about = await (await fetch("ask.json")).json();
  const wanted = new URLSearchParams(location.search).get("named");
  const first = about.queries.find((one) => one.name === wanted) ?? about.queries[0];
  if (wanted && first) document.getElementById("query").value = first.query;
  if (there === null) return;
  say(editor.dataset.working);
  if (!(await there) && !(await serve())) return;
  complete(Yasgui.Yasqe, about);
  const config = { requestConfig: { endpoint, method: "POST" }, copyEndpointOnNewTab: true, persistenceId: `spacecoop ${endpoint}` };
  const yasgui = new Yasgui(editor, { ...config, populateFromUrl: !wanted, endpointCatalogueOptions: { getData: () => [{ endpoint }] } });
  for (const field of editor.querySelectorAll("input.autocomplete")) field.setAttribute("aria-label", editor.dataset.endpoint);
  const show = (query) => (yasgui.getTab() ?? yasgui.addTab(true)).setQuery(query);
  if (wanted && first) show(first.query);
  const names = document.getElementById("named");
  for (const one of about.queries) names.append(new Option(one.name, one.name, false, one.name === wanted));
  names.addEventListener("change", () => {
    const chosen = about.queries.find((one) => one.name === names.value);
    if (chosen) show(chosen.query);
  });
  document.getElementById("pick").hidden = false;
  document.getElementById("plain").hidden = true;
  say("");
}

begin().catch((error) => say(String(error)));
