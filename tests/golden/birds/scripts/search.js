// The search page: reads the index that the build wrote into search/, as far as the question needs it, and lists what it finds.
"use strict";

const most = 50;
const page = document.getElementById("search");
const { language, base, none, some, failed } = page.dataset;
const input = document.getElementById("q");
const list = document.getElementById("found");
const state = document.getElementById("state");
const kept = new Map();
let asked = 0;

/** Return the content of a file of the index; each is fetched once. */
function read(name) {
  if (!kept.has(name)) {
    const answer = fetch(`${base}${name}.json`).then((there) => {
      if (!there.ok) throw new Error(`${name}: ${there.status}`);
      return there.json();
    });
    answer.catch(() => kept.delete(name));
    kept.set(name, answer);
  }
  return kept.get(name);
}

/** Return the words of a text, as the build has them (pages/searching.py). */
function words(text, index) {
  const unspaced = (letter) => index.unspaced.some(([begin, end]) => begin <= letter.codePointAt(0) && letter.codePointAt(0) <= end);
  const small = text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "");
  const plain = Array.from(small, (letter) => index.letters[letter] ?? letter).join("");
  const found = [];
  let run = [];
  for (const letter of [...plain, " "]) {
    const within = /[\p{L}\p{N}]/u.test(letter);
    if (run.length && (!within || unspaced(run[0]) !== unspaced(letter))) {
      if (!unspaced(run[0])) found.push(run.join(""));
      else if (run.length === 1) found.push(run[0]);
      else for (let place = 0; place + 1 < run.length; place += 1) found.push(run[place] + run[place + 1]);
      run = [];
    }
    if (within) run.push(letter);
  }
  return [...new Set(found)];
}

/** Return, by number, how well each entry fits one word: most where it is the whole word, less where it begins so. */
async function places(word, index) {
  const letters = Array.from(word);
  const shard = (letters[0].codePointAt(0) * 31 + (letters[1]?.codePointAt(0) ?? 0)) % index.shards;
  const fit = new Map();
  const there = await read(`words-${shard}`);
  for (const one of letters.length > 1 ? Object.keys(there).filter((key) => key.startsWith(word)) : [word]) {
    for (const place of Object.hasOwn(there, one) ? there[one] : []) {
      const number = Math.floor(place / index.weights);
      const worth = place % index.weights;
      const weight = (4 * (worth >> 3) ** 2 + (worth & 4 ? 24 : 0) + (worth & 3)) * (one === word ? 3 : 1);
      fit.set(number, Math.max(weight, fit.get(number) ?? 0));
    }
  }
  return fit;
}

/** Return the numbers of the entries that fit each word, the best first. */
async function find(question, index) {
  const wanted = words(question, index);
  if (!wanted.length) return null;
  const [first, ...others] = await Promise.all(wanted.map((word) => places(word, index)));
  return [...first.keys()]
    .filter((number) => others.every((fit) => fit.has(number)))
    .map((number) => [number, others.reduce((sum, fit) => sum + fit.get(number), first.get(number))])
    .sort((one, other) => other[1] - one[1] || one[0] - other[0])
    .map(([number]) => number);
}

/** Return a text in the reader's language, else in the first language that has it. */
function said(texts, index) {
  const tongue = [language, ...index.languages, "", ...Object.keys(texts)].find((one) => Object.hasOwn(texts, one));
  const element = document.createElement("bdi");
  element.textContent = texts[tongue] ?? "";
  if (tongue && tongue !== language) element.lang = tongue;
  return element;
}

/** Return the line that leads to one entry. */
function line([path, fragment, kind, texts, others], index) {
  const link = document.createElement("a");
  const ending = language === index.languages[0] ? ".html" : `.${language}.html`;
  link.href = path.split("/").map(encodeURIComponent).join("/") + ending + (fragment ? `#${encodeURIComponent(fragment)}` : "");
  link.append(said(texts, index));
  const item = document.createElement("li");
  item.append(link);
  if (others) {
    const names = document.createElement("bdi");
    names.textContent = others;
    item.append(" (", names, ")");
  }
  if (kind >= 0) {
    const small = document.createElement("small");
    small.append(said(index.kinds[kind], index));
    item.append(" ", small);
  }
  return item;
}

/** Answer the question that stands in the field. */
async function answer() {
  const mine = ++asked;
  const question = input.value.trim();
  const address = new URL(location.href);
  if (question) address.searchParams.set("q", question);
  else address.searchParams.delete("q");
  history.replaceState(null, "", address);
  try {
    const index = await read("index");
    const found = await find(question, index);
    const rows = await Promise.all((found ?? []).slice(0, most).map(async (number) =>
      (await read(`entries-${Math.floor(number / index.block)}`))[number % index.block]));
    if (mine !== asked) return;
    list.replaceChildren(...rows.map((row) => line(row, index)));
    if (found === null) state.textContent = "";
    else if (!found.length) state.textContent = none;
    else state.textContent = some.replace("SHOWN", rows.length).replace("COUNT", found.length);
  } catch {
    if (mine === asked) state.textContent = failed;
  }
}

let soon;
input.addEventListener("input", () => {
  clearTimeout(soon);
  soon = setTimeout(answer, 150);
});
page.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(soon);
  answer();
});
input.value = new URLSearchParams(location.search).get("q") ?? "";
input.focus();
answer();
