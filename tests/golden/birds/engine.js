// The engine, in a worker of its own that the page may end at any time: Oxigraph compiled to WebAssembly.
import start, { Store, namedNode } from "./assets/oxigraph.js";

const ROWS = ["application/sparql-results+json", "application/sparql-results+xml", "text/csv", "text/tab-separated-values"];
const GRAPHS = ["text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json"];
const SHORT = { json: [ROWS[0], GRAPHS[3]], xml: [ROWS[1], GRAPHS[2]], csv: [ROWS[2]], tsv: [ROWS[3]], turtle: [GRAPHS[0]], nt: [GRAPHS[1]] };

const store = (async () => {
  const [data] = await Promise.all([fetch("dataset.nq"), start()]);
  if (!data.ok) throw new Error(`dataset.nq: ${data.status}`);
  const loaded = new Store();
  loaded.load(await data.text(), { format: "application/n-quads", lenient: true, no_transaction: true });
  return loaded;
})();

/** Return the media types that are wanted, of those there are, the most wanted first. */
function wanted(accept, known) {
  if (SHORT[accept]) return known.filter((kind) => SHORT[accept].includes(kind));
  const ranges = accept.split(",").map((part) => {
    const [kind, ...rest] = part.split(";").map((word) => word.trim());
    const quality = rest.find((word) => word.startsWith("q="));
    return { kind, quality: quality ? Number(quality.slice(2)) : 1 };
  });
  ranges.sort((one, other) => other.quality - one.quality);
  return ranges.flatMap(({ kind }) => known.filter((one) => kind === one || kind === "*/*" || kind === `${one.split("/")[0]}/*` || (kind === "application/json" && one === ROWS[0])));
}

onmessage = async ({ data: { id, load, query, accept, graphs, named } }) => {
  try {
    const loaded = await store;
    if (load) return;
    const scope = graphs.length || named.length ? { default_graph: graphs.map(namedNode), named_graphs: named.map(namedNode) } : { use_default_graph_as_union: true };
    let refused = null;
    for (const known of [ROWS, GRAPHS]) {
      for (const type of wanted(accept, known).slice(0, 1)) {
        try {
          const body = loaded.query(query, { ...scope, results_format: type });
          postMessage({ id, status: 200, type, body });
          return;
        } catch (error) {
          refused ??= error;
        }
      }
    }
    const status = refused ? 400 : 406;
    postMessage({ id, status, type: "text/plain; charset=utf-8", body: `${refused?.message ?? refused ?? `There is: ${[...ROWS, ...GRAPHS].join(", ")}`}\n` });
  } catch (error) {
    postMessage({ id, status: 500, type: "text/plain; charset=utf-8", body: `${error.message ?? error}\n` });
  }
};
