// The page of the Open Inference Protocol: everything it shows is in dataplane.json beside it.

const at = (id) => document.getElementById(id);

function headers() {
  const key = at("key").value;
  return { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
}

function list(id, tensors) {
  for (const one of tensors) {
    const item = document.createElement("li");
    item.textContent = `${one.name}: ${one.datatype} [${one.shape.join(", ")}]`;
    at(id).append(item);
  }
}

// Below the path that the page itself came from, so that it works behind a proxy as well.
function below(path) {
  const here = location.pathname;
  return here.slice(0, here.lastIndexOf("/v2/")) + path;
}

function snippets(url) {
  const body = at("body").value;
  const quoted = body.replaceAll("'", "'\\''");
  at("curl").textContent = `curl '${url}' \\\n  -H 'Content-Type: application/json' \\\n  -d '${quoted}'`;
  at("python").textContent =
    `import json\nimport urllib.request\n\nrequest = urllib.request.Request(\n    ${JSON.stringify(url)},\n` +
    `    data=${JSON.stringify(body)}.encode(),\n    headers={"Content-Type": "application/json"},\n)\n` +
    `with urllib.request.urlopen(request) as response:\n    print(json.load(response)["outputs"])`;
}

async function execute(url) {
  at("problem").hidden = true;
  try {
    const response = await fetch(url, { method: "POST", headers: headers(), body: at("body").value });
    at("status").textContent = `${response.status}`;
    at("answer").textContent = await response.text();
  } catch (error) {
    at("problem").textContent = String(error);
    at("problem").hidden = false;
  }
}

async function show() {
  const answer = await fetch("docs/dataplane.json", { headers: headers() });
  const said = await answer.json();
  if (!answer.ok) {
    at("problem").textContent = said.error;
    at("problem").hidden = false;
    return;
  }
  at("problem").hidden = true;
  const path = Object.keys(said.paths).find((one) => one.endsWith("/infer"));
  at("name").textContent = said.info.title;
  if (path === undefined) {
    at("status").textContent = "The model takes no tensors.";
    return;
  }
  const url = location.origin + below(path);
  at("address").textContent = path;
  const metadata = await (await fetch(below(path.slice(0, -"/infer".length)), { headers: headers() })).json();
  at("inputs").replaceChildren();
  at("outputs").replaceChildren();
  list("inputs", metadata.inputs);
  list("outputs", metadata.outputs);
  const examples = said.components.schemas.InferenceRequest.examples ?? [{ inputs: [] }];
  at("body").value = JSON.stringify(examples[0], null, 1);
  snippets(url);
  at("body").oninput = () => snippets(url);
  at("execute").onclick = () => execute(url);
}

at("key").onchange = show;
show();
