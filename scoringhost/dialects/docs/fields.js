/**
 * Fields for the value of a body, made from the schema of the input.
 *
 * The value is one tree of JSON, changed in place; whoever made the fields is told of every change. What the schema
 * leaves open, and tables too large for a page, are edited as JSON in the body alone.
 */

import { isScalar, placeOf, wordsOf } from "./schema.js";

const MOST_CELLS = 600;
const MOST_ROWS = 50;
const NUMBER = /^\s*-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/;

function element(name, properties = {}, ...parts) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...parts);
  return made;
}

/** What a text says at a place of this kind; undefined if it says nothing there. */
function read(text, place) {
  if (place.kind === "string" || place.kind === "enum") return text === "" && place.nullable ? null : text;
  if (text.trim() === "" && place.nullable) return null;
  if (place.kind === "any" || place.kind === "array" || place.kind === "object") {
    try { return JSON.parse(text); } catch { return undefined; }
  }
  if (!NUMBER.test(text)) return undefined;
  const number = Number(text);
  return place.kind === "integer" && !Number.isInteger(number) ? undefined : number;
}

const shown = (value, place) => {
  if (value === undefined || value === null) return "";
  return ["string", "enum"].includes(place.kind) && typeof value === "string" ? value : JSON.stringify(value);
};

/** A value to begin a new row with. */
function blank(place, roots) {
  if (place.nullable) return null;
  if (place.kind === "object") {
    const members = Object.entries(place.schema.properties ?? {});
    return Object.fromEntries(members.map(([name, member]) => [name, blank(placeOf(member, roots), roots)]));
  }
  return { string: "", enum: place.schema.enum?.[0], boolean: false, integer: 0, number: 0, array: [] }[place.kind] ?? null;
}

export class Fields {
  constructor(box, onChange) {
    this.box = box;
    this.onChange = onChange;
    this.roots = [];
  }

  /** Take the schema of the input; returns whether there is anything to make fields for. */
  take(schema, document) {
    this.roots = [document, schema];
    this.place = placeOf(schema, this.roots);
    const known = this.place.kind === "object" && Object.keys(this.place.schema.properties ?? {}).length > 0;
    this.box.hidden = !known;
    return known;
  }

  /** Show the value of the body; nothing but an object has fields. */
  show(value) {
    this.value = value;
    const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
    this.box.replaceChildren(...(isObject ? this.members(this.place, value) : []));
  }

  again() {
    this.show(this.value);
    this.onChange(this.value);
  }

  members(place, owner) {
    const required = place.schema.required ?? [];
    return Object.entries(place.schema.properties).map(([name, schema]) => {
      const member = placeOf(schema, this.roots);
      return this.member(name, member, owner, required.includes(name));
    });
  }

  member(name, place, owner, isRequired) {
    const label = element("span", { className: "label", textContent: `${name} ` });
    label.append(element("span", { className: "kind", textContent: wordsOf(place) + (isRequired ? "" : ", may be left out") }));
    const box = element(isScalar(place) ? "label" : "div", { className: "member" }, label);
    box.dataset.name = name;
    if (place.schema.description) box.append(element("span", { className: "help", textContent: place.schema.description }));
    box.append(this.editor(name, place, owner, isRequired));
    return box;
  }

  editor(name, place, owner, isRequired) {
    const value = owner[name];
    if (place.kind === "object" && place.schema.properties && value !== null && typeof value === "object") {
      return element("div", {}, ...this.members(place, value));
    }
    if (place.kind === "array" && Array.isArray(value)) {
      const table = this.table(name, place, value);
      if (table) return table;
    }
    return this.input(name, place, owner, isRequired);
  }

  input(key, place, owner, isRequired = true, label = "") {
    const choices = place.kind === "boolean" ? ["true", "false"] : place.kind === "enum" ? place.schema.enum : null;
    let input;
    if (choices) {
      const none = place.nullable || !isRequired || owner[key] === undefined ? [""] : [];
      input = element("select", {}, ...[...none, ...choices].map((choice) => element("option", { textContent: choice })));
    } else {
      const text = shown(owner[key], place);
      const isLong = !isScalar(place) || text.length > 80 || text.includes("\n");
      input = element(isLong && !label ? "textarea" : "input", { autocomplete: "off", spellcheck: false });
      if (place.kind === "integer" || place.kind === "number") input.inputMode = "decimal";
    }
    input.value = shown(owner[key], place);
    if (label) input.setAttribute("aria-label", label);
    input.addEventListener(choices ? "change" : "input", () => {
      const isOut = input.value === "" && !isRequired;
      const value = isOut ? undefined : place.kind === "boolean" ? { true: true, false: false, "": null }[input.value] : read(input.value, place);
      input.setAttribute("aria-invalid", String(value === undefined && !isOut));
      if (isOut) delete owner[key];
      else if (value !== undefined) owner[key] = value;
      else return; // half a number: the body keeps what it had
      this.onChange(this.value);
    });
    return input;
  }

  /** The rows of an array as a table; null if it has none that a table could show. */
  table(name, place, rows) {
    const row = placeOf(place.schema.items, this.roots);
    const columns = this.columnsOf(row, rows);
    if (columns === null) return null;
    const cells = rows.length * Math.max(columns.length, 1);
    if (rows.length > MOST_ROWS || cells > MOST_CELLS) {
      return element("p", { className: "line", textContent: `${rows.length} rows: too many for fields, change them in the body.` });
    }
    const head = element("tr", {}, ...columns.map((column) => element(
      "th", { scope: "col", textContent: column.title }, element("span", { className: "kind", textContent: wordsOf(column.place) }),
    )), element("th"));
    const lines = rows.map((value, at) => element("tr", {}, ...columns.map((column) => {
      const owner = column.key === null ? rows : value;
      const label = `${name}, row ${at + 1}${column.title ? `, ${column.title}` : ""}`;
      return element("td", {}, this.input(column.key ?? at, column.place, owner, true, label));
    }), element("td", {}, this.button("−", `Remove row ${at + 1} of ${name}`, () => rows.splice(at, 1)))));
    const grow = () => rows.push(rows.length ? structuredClone(rows[rows.length - 1]) : blank(row, this.roots));
    const scroll = element("div", { className: "table" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines)));
    return element("div", {}, scroll, this.button("Add a row", `Add a row to ${name}`, grow));
  }

  /** [{ title, key, place }] of the rows of a table; key is null where the rows themselves are the cells. */
  columnsOf(row, rows) {
    if (isScalar(row)) return [{ title: "", key: null, place: row }];
    if (row.kind === "object" && row.schema.properties && rows.every((one) => one !== null && typeof one === "object" && !Array.isArray(one))) {
      const members = Object.entries(row.schema.properties).map(([key, schema]) => ({ title: key, key, place: placeOf(schema, this.roots) }));
      return members.every((member) => isScalar(member.place) || member.place.kind === "any") ? members : null;
    }
    if (row.kind !== "array" || !rows.length || !rows.every((one) => Array.isArray(one))) return null;
    const cell = placeOf(row.schema.items, this.roots);
    if (!isScalar(cell) || rows.some((one) => one.length !== rows[0].length)) return null;
    return rows[0].map((_, at) => ({ title: String(at), key: at, place: cell }));
  }

  button(text, label, act) {
    const made = element("button", { type: "button", className: "small", textContent: text });
    made.setAttribute("aria-label", label);
    made.addEventListener("click", () => {
      act();
      this.again();
    });
    return made;
  }
}
