/** Elements, and the words that numbers and times are said in.
 *
 * What comes from services (names, reasons, logs) is only ever text: nothing here makes markup of a text, and the
 * page's policy keeps the browser from it, too.
 */
const SVG = "http://www.w3.org/2000/svg";
const NOTE_MS = 5000;
const TRACEBACK = "Traceback (most recent call last)";

export const $ = (id) => document.getElementById(id);

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** h("a", {href: "#/"}, "text", element): an element with attributes, listeners ("onclick") and children. */
export const h = (tag, properties, ...children) => filled(document.createElement(tag), properties, children);

/** The same in SVG. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Set a text, if it is another one: what is the same stays selected, and no screen reader says it again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Have a parent's children be those of the items, in their order; each is made once, and updated from then on. */
export function keyed(parent, items, key, make, update) {
  const known = (parent.known ??= new Map());
  const wanted = new Set(items.map(key));
  for (const [name, child] of known) {
    if (wanted.has(name)) continue;
    child.element.remove();
    known.delete(name);
  }
  items.forEach((item, at) => {
    const name = key(item);
    if (!known.has(name)) known.set(name, make(item));
    const { element } = known.get(name);
    // Moved only if it must be: who has the focus would lose it.
    if (parent.children[at] !== element) parent.insertBefore(element, parent.children[at] ?? null);
    update(known.get(name), item);
  });
}

/** Have a list of choices offer all of a service, by that text, or one of its versions. */
export function offer(select, all, versions) {
  keyed(
    select,
    [{ version: "", text: all }, ...versions.map((one) => ({ version: one.version, text: one.version }))],
    (one) => one.version,
    (one) => ({ element: h("option", { value: one.version }, one.text) }),
    () => {},
  );
}

// -- words -------------------------------------------------------------------------------------------

/** A number of things, or of things a second: one decimal where that says something. */
export function number(value) {
  if (value === 0) return "0";
  if (value < 0.1) return "<0.1";
  return (value < 10 ? Math.round(value * 10) / 10 : Math.round(value)).toLocaleString("en");
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 10_000) return `${(value / 1000).toFixed(0)} s`;
  if (value >= 1000) return `${Math.round(value / 100) / 10} s`;
  return `${Math.round(value < 10 ? value * 10 : value) / (value < 10 ? 10 : 1)} ms`;
}

export function percent(share) {
  if (share === 0) return "0 %";
  if (share < 0.001) return "<0.1 %";
  return `${share < 0.1 ? (share * 100).toFixed(1) : (share * 100).toFixed(0)} %`;
}

/** 40 s, 12 min, 5 h, 3 days. */
export function duration(seconds) {
  if (seconds < 100) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** A moment, as ISO 8601 has it, for people: how long ago, and exactly when, as a hint or in front of it. */
export function moment(text) {
  return showMoment(h("time", {}), text);
}

export function showMoment(element, text, isExact = false) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) {
    say(element, text);
    return element;
  }
  element.setAttribute("datetime", text);
  element.title = at.toLocaleString();
  const ago = `${duration((Date.now() - at.getTime()) / 1000)} ago`;
  const isToday = at.toDateString() === new Date().toDateString();
  const exactly = isToday ? at.toLocaleTimeString() : at.toLocaleString();
  say(element, isExact ? `${exactly} · ${ago}` : ago);
  return element;
}

const STATES = { ready: "●", loading: "◐", draining: "◑", failed: "▲", stopped: "○" };

/** The state of something: a sign and a word, so that the colour says nothing alone. */
export function badge(state) {
  return showBadge(h("span", {}, h("span", { "aria-hidden": "true" }), h("span", {})), state);
}

export function showBadge(element, state) {
  element.className = `badge ${state in STATES ? state : ""}`;
  say(element.children[0], STATES[state] ?? "·");
  say(element.children[1], state);
  return element;
}

/** The line of a reason that says most: what was raised at the end of a traceback, the first line of anything else. */
export function headline(reason) {
  const [first = ""] = reason.split("\n").filter((line) => line.trim());
  const at = reason.lastIndexOf(TRACEBACK);
  if (at < 0) return first.trim();
  const raised = reason.slice(at + TRACEBACK.length).split("\n").find((line) => /^\S/.test(line) && line !== ":");
  return raised ?? first.trim();
}

// -- telling and asking ------------------------------------------------------------------------------

let noted;

/** Say for a moment what was done. */
export function note(text) {
  clearTimeout(noted);
  $("note").hidden = false;
  $("note").textContent = text;
  noted = setTimeout(() => { $("note").hidden = true; }, NOTE_MS);
}

/** Whether somebody is sure. Cancel has the focus first. */
export function sure(title, text, yes) {
  $("sure-title").textContent = title;
  $("sure-text").textContent = text;
  $("sure-yes").textContent = yes;
  const dialog = $("sure");
  return new Promise((answer) => {
    const end = (value) => () => {
      dialog.close();
      answer(value);
    };
    $("sure-yes").onclick = end(true);
    $("sure-no").onclick = end(false);
    dialog.oncancel = () => answer(false);
    dialog.showModal();
    $("sure-no").focus();
  });
}
