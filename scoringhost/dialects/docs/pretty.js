/** JSON with a line for each row: what holds no other array or object stays on one line. */
export function pretty(value, indent = "") {
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
