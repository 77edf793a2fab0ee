/** A request as a command for a shell, and as a program in Python. */

const LONGEST = 20000;
/** Whether the page sends a key: the snippets take it from the environment, as they end up in shells' histories. */
const isKeyed = (keyHeaders) => Object.keys(keyHeaders).length > 0;
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** JSON's values as Python writes them, with the layout of the body. */
function python(value, indent = "    ") {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const deeper = `${indent}    `;
  const parts = Array.isArray(value)
    ? value.map((part) => python(part, deeper))
    : Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}: ${python(part, deeper)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const line = `${open}${parts.join(", ")}${close}`;
  return line.length + indent.length <= 100 ? line : `${open}\n${parts.map((part) => `${deeper}${part},\n`).join("")}${indent}${close}`;
}

export function asCurl({ url, options, keyHeaders, file, field }) {
  const parts = [`curl -X ${options.method} ${quoted(url)}`];
  for (const [name, value] of Object.entries(options.headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (isKeyed(keyHeaders)) parts.push('-H "Authorization: Bearer $KEY"');
  if (field) parts.push(`-F ${quoted(`${field}=@${file.name}`)}`);
  else if (file) parts.push(`--data-binary ${quoted(`@${file.name}`)}`);
  else if (options.body !== undefined && options.body.length > LONGEST) parts.push("--data-binary '@request.json'");
  else if (options.body !== undefined) parts.push(`--data-binary ${quoted(options.body)}`);
  return parts.join(" \\\n  ");
}

export function asPython({ url, options, keyHeaders, file, field }) {
  const headers = { ...options.headers };
  const given = [JSON.stringify(options.method), JSON.stringify(url)];
  const isLong = options.body?.length > LONGEST;
  let isJson = false;
  let value;
  if (typeof options.body === "string" && !isLong && headers["Content-Type"] === "application/json") {
    try {
      value = JSON.parse(options.body);
      isJson = true;
    } catch { /* sent as it stands */ }
  }
  if (isJson) delete headers["Content-Type"]; // requests says it by itself
  const parts = Object.keys(headers).length ? [python(headers)] : [];
  if (isKeyed(keyHeaders)) parts.push('{"Authorization": "Bearer " + os.environ["KEY"]}');
  if (parts.length) given.push(`headers=${parts.join(" | ")}`);
  if (field) given.push(`files={${JSON.stringify(field)}: open(${JSON.stringify(file.name)}, "rb")}`);
  else if (file) given.push(`data=open(${JSON.stringify(file.name)}, "rb")`);
  else if (isLong) given.push('data=open("request.json", "rb")');
  else if (isJson) given.push(`json=${python(value)}`);
  else if (options.body) given.push(`data=${JSON.stringify(options.body)}.encode()`);
  const call = `answer = requests.request(\n${given.map((part) => `    ${part},\n`).join("")})`;
  return `${isKeyed(keyHeaders) ? "import os\n\n" : ""}import requests\n\n${call}\nprint(answer.status_code, answer.text)\n`;
}
