"use strict";

const $ = (id) => document.getElementById(id);
const READY_MS = 5000;
let about = { kind: "json", sample: null };

function fact(name, value) {
  const row = document.createElement("div");
  row.append(Object.assign(document.createElement("dt"), { textContent: name }));
  row.append(Object.assign(document.createElement("dd"), { textContent: value }));
  $("facts").append(row);
}

/** JSON with a line for each row: what holds no other array or object stays on one line. */
function pretty(value, indent = "") {
  const parts = value === null || typeof value !== "object" ? [] : Object.values(value);
  if (!parts.some((part) => part !== null && typeof part === "object")) {
    return JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
  }
  const deeper = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((part) => deeper + pretty(part, deeper))
    : Object.entries(value).map(([name, part]) => `${deeper}${JSON.stringify(name)}: ${pretty(part, deeper)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${lines.join(",\n")}\n${indent}${close}`;
}

function sampleText() {
  if (about.kind === "json" && about.sample !== null) return pretty(about.sample);
  return about.kind === "json" ? "{}" : "";
}

const HINTS = {
  json: () => `A JSON object with ${about.parameters.map((name) => JSON.stringify(name)).join(", ")}.`,
  text: () => "run() is handed the body as text, exactly as it stands.",
  raw: () => "run() is handed the whole HTTP request: send text, or a file of any kind.",
};

async function describe() {
  about = await (await fetch("docs/service.json")).json();
  document.title = `${about.name} - scoringhost`;
  $("name").textContent = about.name;
  fact("version", about.version);
  fact("script", about.script);
  fact("model folder", about.model_dir ?? "none");
  if (about.server) fact("host", about.server);
  $("hint").textContent = HINTS[about.kind]();
  $("source").hidden = about.kind !== "raw";
  $("body").value = sampleText();
  for (const version of about.documents) {
    const link = document.createElement("a");
    link.href = `swagger.json?version=${version}`;
    link.textContent = version === "2" ? "Swagger 2.0" : `OpenAPI ${version === "3" ? "3.0" : version}`;
    $("documents").append(link, " ");
  }
  if (!about.documents.length) $("documents").textContent = "There is none: run() has no declared samples.";
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
  const version = about.documents[about.documents.length - 1];
  const found = await (await fetch(`swagger.json?version=${version}`)).json();
  const schemas = found.components?.schemas ?? found.definitions ?? found;
  $("document").textContent = pretty(schemas);
}

function request() {
  const fromFile = about.kind === "raw" && document.querySelector("input[name=source]:checked").value === "file";
  const method = about.kind === "raw" ? $("method").value : "POST";
  const query = about.kind === "raw" ? $("query").value.replace(/^\?/, "") : "";
  const file = fromFile ? $("file").files[0] : undefined;
  const type = $("content-type").value.trim();
  const field = file && method !== "GET" ? $("field").value.trim() : "";
  let body = method === "GET" ? undefined : file ?? $("body").value;
  if (field) {
    body = new FormData();
    body.append(field, file);
  }
  return {
    file,
    field,
    missing: fromFile && !file,
    url: query ? `score?${query}` : "score",
    options: {
      method,
      headers: type && method !== "GET" && !field ? { "Content-Type": type } : {}, // a form has its own, with a boundary
      body,
    },
  };
}

async function show(response, startedMs) {
  const type = response.headers.get("content-type") ?? "";
  $("headers").textContent = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  $("headers-box").hidden = false;
  let size = 0;
  if (type.startsWith("image/")) {
    const blob = await response.blob();
    size = blob.size;
    $("image").src = URL.createObjectURL(blob);
    $("image").hidden = false;
  } else {
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    for (let piece; reader && !(piece = await reader.read()).done; size += piece.value.length) {
      $("answer").append(decoder.decode(piece.value, { stream: true }));
    }
    if (type.startsWith("application/json")) {
      try { $("answer").textContent = pretty(JSON.parse($("answer").textContent)); } catch { /* as it came */ }
    }
  }
  const took = (performance.now() - startedMs).toFixed(1);
  $("summary").textContent = `${response.status} ${response.statusText} · ${took} ms · ${size} bytes`;
  $("summary").className = `line ${response.ok ? "good" : "bad"}`;
}

async function execute() {
  const { url, options, missing } = request();
  $("answer").textContent = "";
  $("image").hidden = $("headers-box").hidden = true;
  $("summary").className = "line";
  if (missing) {
    $("summary").textContent = "Choose a file first.";
    return;
  }
  $("summary").textContent = "Waiting for the answer…";
  $("execute").disabled = true;
  const startedMs = performance.now();
  try {
    await show(await fetch(url, options), startedMs);
  } catch (problem) {
    $("summary").textContent = `No answer, or not to its end: ${problem.message}`;
    $("summary").className = "line bad";
  } finally {
    $("execute").disabled = false;
  }
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

async function copyAsCurl() {
  const { url, options, file, field } = request();
  const parts = ["curl", "-X", options.method, quoted(new URL(url, location.href).href)];
  for (const [name, value] of Object.entries(options.headers)) parts.push("-H", quoted(`${name}: ${value}`));
  if (field) parts.push("-F", quoted(`${field}=@${file.name}`));
  else if (options.body !== undefined) parts.push("--data-binary", quoted(file ? `@${file.name}` : options.body));
  const command = parts.join(" ");
  try {
    await navigator.clipboard.writeText(command);
    $("summary").textContent = "The curl command is in the clipboard.";
  } catch {
    $("answer").textContent = command;  // no clipboard without https
  }
}

function choose() {
  const fromFile = document.querySelector("input[name=source]:checked").value === "file";
  $("upload").hidden = !fromFile;
  $("body").hidden = fromFile;
}

$("execute").addEventListener("click", execute);
$("reset").addEventListener("click", () => { $("body").value = sampleText(); });
$("curl").addEventListener("click", copyAsCurl);
$("document-box").addEventListener("toggle", showDocument);
$("source").addEventListener("change", choose);
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  if (file) $("content-type").value = file.type || "application/octet-stream";
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) execute();
});
$("address").textContent = new URL("score", location.href).pathname;
describe().catch((problem) => { $("hint").textContent = `The service cannot be described: ${problem.message}`; });
watch();
