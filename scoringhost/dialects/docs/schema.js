/** What a JSON schema of any version of OpenAPI says of one place, in the few words that the fields need. */

const SCALARS = ["integer", "number", "boolean", "string"];

/** The schema that a $ref leads to, in the document or in the schema of the input itself. */
function resolved(schema, roots) {
  let found = schema ?? {};
  for (let step = 0; found.$ref && step < 20; step += 1) {
    const names = found.$ref.replace(/^#\//, "").split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    const targets = roots.map((root) => names.reduce((part, name) => part?.[name], root));
    found = targets.find((target) => target !== undefined) ?? {};
  }
  return found;
}

const isNull = (schema) => schema.type === "null" || (schema.enum?.length === 1 && schema.enum[0] === null);

/**
 * { kind, nullable, schema }: kind is a type of JSON, "enum", or "any" where fields cannot help.
 * Null stands in a list of types (3.1, 2.0), in a branch of anyOf (3.0, 3.1), or is `nullable`.
 */
export function placeOf(schema, roots) {
  let found = resolved(schema, roots);
  let nullable = found.nullable === true || found["x-nullable"] === true;
  const branches = found.anyOf ?? found.oneOf;
  if (branches) {
    const parts = branches.map((branch) => resolved(branch, roots));
    const real = parts.filter((branch) => !isNull(branch));
    nullable ||= real.length < parts.length;
    if (real.length !== 1) return { kind: "any", nullable, schema: found };
    found = { ...found, ...real[0] };
  }
  const kinds = [found.type ?? []].flat();
  nullable ||= kinds.includes("null");
  const real = kinds.filter((kind) => kind !== "null");
  if (found.enum && found.enum.every((value) => typeof value === "string")) return { kind: "enum", nullable, schema: found };
  return { kind: real.length === 1 ? real[0] : "any", nullable, schema: found };
}

export const isScalar = (place) => place.kind === "enum" || SCALARS.includes(place.kind);

/** What stands in small letters beside a name. */
export function wordsOf(place) {
  if (place.kind === "any") return "any JSON";
  const format = place.schema.format;
  const known = format && !/^(int64|double|numpy|pandas)/.test(format) ? `, ${format}` : "";
  return `${place.kind === "enum" ? "one of" : place.kind}${known}${place.nullable ? ", or null" : ""}`;
}
