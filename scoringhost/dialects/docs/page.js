import { reveal, show } from "./answer.js";
import { Calls } from "./calls.js";
import { Fields } from "./fields.js";
import { Key, askForKey, carriesKey, isRefused, openWithKey, reasonOf } from "./key.js";
import { pretty } from "./pretty.js";
import { asCurl, asPython } from "./snippets.js";

const $ = (id) => document.getElementById(id);
const READY_MS = 5000;
const NOTE_MS = 4000;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/; // RFC 9110, 5.6.2
let about = { kind: "json", sample: null, v2: null };
let calls;
const key = new Key();
let isFielded = false;

const fields = new Fields($("fields"), (value) => {
  $("body").value = pretty(value);
  changed();
});

function fact(name, value) {
  const row = document.createElement("div");
  row.append(Object.assign(document.createElement("dt"), { textContent: name }));
  row.append(Object.assign(document.createElement("dd"), { textContent: value }));
  $("facts").append(row);
}

function sampleText() {
  if (typeof about.sample === "string" && about.kind !== "json") return about.sample;
  if (about.sample !== null) return pretty(about.sample);
  return about.kind === "json" ? "{}" : "";
}

const HINTS = {
  json: () => `A JSON object with ${about.parameters.map((name) => JSON.stringify(name)).join(", ")}.`,
  text: () => "run() is handed the body as text, exactly as it stands.",
  raw: () => "run() is handed the whole HTTP request: send text, or a file of any kind.",
};

// -- the service -----------------------------------------------------------------------------------

async function describe() {
  const response = await fetch("docs/service.json", { headers: key.headers() });
  if (isRefused(response)) {
    $("main").className = "locked";
    $("name").textContent = location.host;
    key.forget(); // it was a wrong one, if there was one
    $("key-forget").hidden = true;
    await askForKey(response);
    return;
  }
  if (!response.ok) throw new Error(await reasonOf(response));
  about = await response.json();
  $("main").className = "";
  $("key-forget").hidden = !key.isThere;
  calls = new Calls(about.name);
  document.title = `${about.name} - scoringhost`;
  fact("version", about.version);
  fact("script", about.script);
  if (about.model_dir) fact("model folder", about.model_dir);
  if (about.server) fact("host", about.server);
  $("about").textContent = about.text;
  $("about").hidden = !about.text;
  $("hint").textContent = HINTS[about.kind]();
  $("source").hidden = about.kind !== "raw";
  for (const version of about.documents) {
    const link = document.createElement("a");
    link.href = `swagger.json?version=${version}`;
    link.addEventListener("click", (event) => openWithKey(key, event, link.href));
    link.textContent = version === "2" ? "Swagger 2.0" : `OpenAPI ${version === "3" ? "3.0" : version}`;
    $("documents").append(link, " ");
  }
  if (!about.documents.length) $("documents").textContent = "There is none: run() has no declared samples.";
  if (about.kind === "json") await makeFields();
  restoreSample();
  showCalls();
  $("name").textContent = about.name;
}

let found; // the API document, asked for once
async function apiDocument() {
  const version = about.documents[about.documents.length - 1];
  found ??= await (await fetch(`swagger.json?version=${version}`, { headers: key.headers() })).json();
  return found;
}

// -- its key ---------------------------------------------------------------------------------------

async function useKey() {
  $("key-why").textContent = key.keep($("key").value.trim());
  if ($("key-why").textContent) return;
  $("key-box").hidden = true;
  $("key-forget").hidden = false;
  if ($("main").className === "locked") await describe().catch(undescribed);
  else changed();
}

async function makeFields() {
  if (!about.documents.length) return;
  try {
    const whole = await apiDocument();
    const input = whole.components?.schemas?.ServiceInput ?? whole.definitions?.ServiceInput;
    if (input) isFielded = fields.take(input, whole);
  } catch { /* a document of the user's own that says something else: the body is enough */ }
}

async function watch() {
  let ready = false;
  let text = "not reached";
  try {
    const response = await fetch("./", { cache: "no-store" });
    ready = response.ok;
    text = ready ? "ready" : `not ready (${response.status})`;
  } catch { /* the host is gone, or starts again */ }
  $("state").textContent = text;
  $("state").className = `badge ${ready ? "good" : "bad"}`;
  setTimeout(watch, READY_MS);
}

async function showDocument() {
  if (!$("document-box").open || $("document").textContent || !about.documents.length) return;
  const whole = await apiDocument();
  $("document").textContent = pretty(whole.components?.schemas ?? whole.definitions ?? whole);
}

// -- the request -----------------------------------------------------------------------------------

/** The other headers that are written down, and what is wrong with them. */
function ownHeaders() {
  const headers = {};
  for (const line of $("own").value.split("\n")) {
    const [name, ...rest] = line.split(":");
    if (!line.trim()) continue;
    if (!rest.length || !TOKEN.test(name.trim())) return { headers, problem: `“${line.trim()}” is not NAME: VALUE` };
    headers[name.trim()] = rest.join(":").trim();
  }
  return { headers, problem: "" };
}

const isFromFile = () => about.kind === "raw" && document.querySelector("input[name=source]:checked").value === "file";

function request() {
  const isRaw = about.kind === "raw";
  const method = isRaw ? $("method").value : "POST";
  const query = isRaw ? $("query").value.replace(/^\?/, "") : "";
  const file = isFromFile() ? $("file").files[0] : undefined;
  const type = $("content-type").value.trim();
  const field = file && method !== "GET" ? $("field").value.trim() : "";
  const { headers, problem } = ownHeaders();
  let body = method === "GET" ? undefined : file ?? $("body").value;
  if (field) {
    body = new FormData();
    body.append(field, file);
  }
  const own = type && method !== "GET" && !field ? { "Content-Type": type } : {}; // a form has its own, with a boundary
  return {
    file,
    field,
    problem: problem || (isFromFile() && !file ? "Choose a file first." : ""),
    query,
    type,
    url: new URL(query ? `score?${query}` : "score", location.href).href,
    options: { method, headers: { ...own, ...headers }, body },
    keyHeaders: key.headers(headers), // apart: the snippets must not show them
  };
}

/** The sample's call by the Open Inference Protocol, as `request` says the one of the page. */
function v2Request() {
  const headers = { "Content-Type": "application/json" };
  const options = { method: "POST", headers, body: pretty(about.v2.request) };
  return { url: new URL(about.v2.path, location.href).href, options, keyHeaders: key.headers() };
}

/** The request has changed: fields, complaints and snippets follow. */
function changed() {
  const { problem } = ownHeaders();
  $("own-problem").textContent = problem;
  $("own-problem").hidden = !problem;
  $("verb").textContent = about.kind === "raw" ? $("method").value : "POST";
  $("upload").hidden = !isFromFile();
  $("body-box").hidden = isFromFile();
  if (!$("snippets").open) return;
  $("curl-text").textContent = asCurl(request());
  $("python-text").textContent = asPython(request());
  $("v2").hidden = !about.v2;
  if (!about.v2) return;
  $("v2-curl-text").textContent = asCurl(v2Request());
  $("v2-python-text").textContent = asPython(v2Request());
}

/** Whoever writes into the body sees it in the fields, and what is wrong with it as JSON. */
function bodyChanged() {
  let problem = "";
  if (about.kind === "json") {
    try {
      const value = JSON.parse($("body").value);
      if (isFielded) fields.show(value);
    } catch (error) {
      problem = `This is no JSON yet: ${error.message}`;
    }
  }
  $("body-problem").textContent = problem;
  $("body-problem").hidden = !problem;
  changed();
}

function restoreSample() {
  fill({ method: "POST", query: "", type: "application/json", body: sampleText() });
  $("own").value = $("field").value = $("file").value = "";
  changed();
}

function fill({ method, query, type, body }) {
  document.querySelector("input[name=source][value=text]").checked = true;
  $("method").value = method;
  $("query").value = query;
  $("content-type").value = type;
  $("body").value = body;
  bodyChanged();
}

// -- the answer ------------------------------------------------------------------------------------

async function execute() {
  const { url, options, keyHeaders, problem, query, type, file } = request();
  $("answer").textContent = "";
  $("image").hidden = $("headers-box").hidden = true;
  $("summary").className = "line";
  if (problem) {
    $("summary").textContent = problem;
    reveal();
    return;
  }
  $("summary").textContent = "Waiting for the answer…";
  $("execute").disabled = true;
  const startedMs = performance.now();
  try {
    const response = await fetch(url, { ...options, headers: { ...options.headers, ...keyHeaders } });
    const refusal = response.status === 401 && !carriesKey(options.headers) ? response.clone() : undefined;
    await show(response, startedMs);
    if (refusal) await askForKey(refusal);
  } catch (error) {
    $("summary").textContent = `No answer, or not to its end: ${error.message}`;
    $("summary").className = "line bad";
  } finally {
    $("execute").disabled = false;
    reveal();
  }
  const body = typeof options.body === "string" ? options.body : options.body === undefined ? "" : null;
  calls.add({ atMs: Date.now(), method: options.method, query, type, body, file: file?.name, answer: $("summary").textContent });
  showCalls();
}

// -- beside it -------------------------------------------------------------------------------------

function showCalls() {
  const lines = calls.lines((call) => {
    fill(call);
    $("request").scrollIntoView({ block: "start" });
  });
  $("calls-box").hidden = lines.length === 0;
  $("calls").replaceChildren(...lines);
}

let noteTimer;
function note(text) {
  clearTimeout(noteTimer);
  $("note").textContent = text;
  noteTimer = setTimeout(() => { $("note").textContent = ""; }, NOTE_MS);
}

/** Put a snippet into the clipboard; without one (it needs https or localhost) it is shown and selected. */
async function copy(text, name, id) {
  try {
    await navigator.clipboard.writeText(text);
    note(`The ${name} is in the clipboard.`);
  } catch {
    $("snippets").open = true;
    changed();
    getSelection().selectAllChildren($(id));
    note("There is no clipboard for this page; it stands below.");
  }
}

$("execute").addEventListener("click", execute);
$("reset").addEventListener("click", restoreSample);
$("curl").addEventListener("click", () => copy(asCurl(request()), "curl command", "curl-text"));
$("python").addEventListener("click", () => copy(asPython(request()), "program", "python-text"));
$("forget").addEventListener("click", () => {
  calls.forget();
  showCalls();
});
$("document-box").addEventListener("toggle", showDocument);
$("snippets").addEventListener("toggle", changed);
$("body").addEventListener("input", bodyChanged);
for (const id of ["source", "content-type", "own", "field"]) $(id).addEventListener("input", changed);
$("source").addEventListener("change", changed);
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  if (file) $("content-type").value = file.type || "application/octet-stream";
  changed();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) execute();
});
$("address").textContent = new URL("score", location.href).pathname;
$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey();
});
$("key-forget").addEventListener("click", () => {
  key.forget();
  location.reload();
});
const undescribed = (problem) => { $("hint").textContent = `The service cannot be described: ${problem.message}`; };
describe().catch(undescribed);
watch();
