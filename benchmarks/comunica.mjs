// Ask Comunica queries over a file that is read into memory once.
//   node comunica.mjs NODE_MODULES DATA.nq QUERIES.json TIMES ENOUGH FOLDER
// Prints one JSON object: seconds to load, seconds a query (the best), failures, peak memory. Answers go to FOLDER.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [modules, data, queries, times, enough, folder] = process.argv.slice(2);
const require = createRequire(path.join(modules, 'here.js'));
const { QueryEngine } = require('@comunica/query-sparql-file');
const N3 = require('n3');

let started = performance.now();
const store = new N3.Store();
for await (const quad of fs.createReadStream(data).pipe(new N3.StreamParser({ format: 'N-Quads' }))) store.addQuad(quad);
const said = { load: (performance.now() - started) / 1000, taken: {}, failed: {} };
const engine = new QueryEngine();

for (const [name, text] of Object.entries(JSON.parse(fs.readFileSync(queries, 'utf8')))) {
  for (let time = 0, spent = 0; time < Number(times) && spent < Number(enough); time++) {
    started = performance.now();
    try {
      const answer = await engine.query(text, { sources: [store], unionDefaultGraph: true });
      const { data: stream } = await engine.resultToString(answer, 'application/sparql-results+json');
      const parts = [];
      for await (const part of stream) parts.push(part);
      const seconds = (performance.now() - started) / 1000;
      spent += seconds;
      said.taken[name] = Math.min(said.taken[name] ?? Infinity, seconds);
      fs.writeFileSync(path.join(folder, `${name}.srj`), parts.join(''));
    } catch (error) {
      said.failed[name] = String(error.message).split('\n')[0];
    }
  }
}
said.memory = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify(said));
