/** Plots as inline SVG. Widths are the elements' own: the drawing is stretched, its lines are not. */
import { duration, h, say, svg } from "./dom.js";

const WIDTH = 240;

/** From 0 to a number that reads well. */
export function linear(lists, least = 1) {
  const top = niceTop(Math.max(0, ...lists.flat().map((value) => value ?? 0)), least);
  return { bottom: 0, top, marks: [], at: (value) => value / top };
}

/** From one power of ten to another number that reads well: one call that took seconds must not flatten all others. */
export function logarithmic(lists) {
  const values = lists.flat().filter((value) => value);
  const least = values.length ? Math.min(...values) : 1;
  const bottom = 10 ** Math.floor(Math.log10(least));
  const top = Math.max(niceTop(Math.max(bottom, ...values), bottom), bottom * 10);
  const at = (value) => Math.max(0, Math.log(value / bottom) / Math.log(top / bottom));
  const marks = [];
  for (let mark = bottom * 10; mark < top * 0.99; mark *= 10) marks.push(mark);
  return { bottom, top, marks, at };
}

/** The next number at or above a value that reads well as the top of an axis. */
export function niceTop(value, least = 1) {
  const wanted = Math.max(value, least);
  const unit = 10 ** Math.floor(Math.log10(wanted));
  return unit * [1, 2, 5, 10].find((one) => one * unit >= wanted * 0.999);
}

/** The path through values, from the left edge to the right one. Where there is none (null) there is a gap. */
export function linePath(values, y) {
  const step = WIDTH / Math.max(1, values.length - 1);
  let path = "";
  let isOpen = false;
  values.forEach((value, at) => {
    if (value === null) {
      isOpen = false;
      return;
    }
    const point = `${(at * step).toFixed(1)} ${y(value)}`;
    path += isOpen ? `L${point}` : `M${point}h.1`; // one alone is a dot
    isOpen = true;
  });
  return path;
}

/** Bars on a base: `below` has what each stands on. */
export function barPath(values, below, y) {
  const step = WIDTH / Math.max(1, values.length);
  let path = "";
  values.forEach((value, at) => {
    if (!value) return;
    const [from, to] = [(at * step).toFixed(1), ((at + 0.8) * step).toFixed(1)];
    path += `M${from} ${y(below[at])}V${y(below[at] + value)}H${to}V${y(below[at])}Z`;
  });
  return path;
}

/** A plot: `lines` each with a `name`, a `className`, and whether it is an `area`, or `bars`, which are stacked.
 *
 * scale: `linear` or `logarithmic`. It says nothing to a screen reader: what stands beside it does.
 */
export class Plot {
  constructor(lines, height, scale = linear) {
    Object.assign(this, { lines, height, scale });
    this.paths = lines.map((line) => ({
      fill: svg("path", { class: `fill ${line.className}` }),
      stroke: svg("path", { class: `stroke ${line.className}` }),
    }));
    this.marks = svg("path", { class: "marks" });
    this.cursor = svg("path", { class: "cursor" });
    this.element = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", class: "plot", "aria-hidden": "true" },
      this.marks,
      ...this.paths.flatMap(({ fill, stroke }) => [fill, stroke]),
      this.cursor,
    );
  }

  /** Draw lists of values, one for each line. Returns the scale. */
  show(lists, least) {
    const isStacked = this.lines.every((line) => line.bars);
    const stacked = lists[0].map((_, at) => lists.reduce((all, list) => all + list[at], 0));
    const scale = this.scale(isStacked ? [stacked] : lists, least);
    const y = (value) => (this.height - 1 - scale.at(value) * (this.height - 2)).toFixed(1);
    let below = lists[0].map(() => 0);
    this.marks.setAttribute("d", scale.marks.map((mark) => `M0 ${y(mark)}H${WIDTH}`).join(""));
    this.lines.forEach((line, at) => {
      const { fill, stroke } = this.paths[at];
      const values = lists[at];
      if (line.bars) {
        fill.setAttribute("d", barPath(values, below, y));
        below = below.map((base, slot) => base + values[slot]);
        return;
      }
      const path = linePath(values, y);
      stroke.setAttribute("d", path);
      if (line.area) fill.setAttribute("d", `${path}L${WIDTH} ${this.height}L0 ${this.height}Z`);
    });
    return scale;
  }

  /** Mark a slot, of so many; none for null. */
  mark(slot, slots) {
    const x = slot === null ? 0 : (slot * WIDTH) / Math.max(1, slots - 1);
    this.cursor.setAttribute("d", slot === null ? "" : `M${x.toFixed(1)} 0V${this.height}`);
  }
}

/** A plot with a title, an axis, and what it says at a moment: of now, or of where the pointer or the arrow keys are. */
export class Chart {
  constructor(title, lines, words, scale) {
    this.words = words;
    this.plot = new Plot(lines, 90, scale);
    this.lists = [[]];
    this.slotS = 1;
    this.slot = null;
    this.when = h("span", { class: "dim" });
    this.top = h("span", { class: "axis" });
    this.bottom = h("span", { class: "axis bottom" });
    this.values = lines.map((line) => h("span", { class: "value" }));
    const legend = lines.map((line, at) =>
      h("span", { class: "key" }, h("span", { class: `sign ${line.className}` }), `${line.name} `, this.values[at]));
    this.box = h("div", { class: "box" }, this.top, this.bottom, this.plot.element);
    this.element = h(
      "figure",
      { class: "chart", tabindex: "0", role: "group", "aria-label": `${title}; arrow keys go back in time` },
      h("figcaption", {}, h("h3", {}, title), this.when),
      h("div", { class: "legend", "aria-live": "off" }, ...legend),
      this.box,
      h("div", { class: "times dim", "aria-hidden": "true" }, h("span", {}, "10 min ago"), h("span", {}, "now")),
    );
    this.box.addEventListener("pointermove", (event) => this.#pointed(event));
    this.box.addEventListener("pointerleave", () => this.#look(null));
    this.element.addEventListener("blur", () => this.#look(null));
    this.element.addEventListener("keydown", (event) => this.#pressed(event));
  }

  show(lists, slotS, least) {
    Object.assign(this, { lists, slotS });
    const scale = this.plot.show(lists, least);
    say(this.top, this.words.axis(scale.top));
    say(this.bottom, scale.bottom ? this.words.axis(scale.bottom) : "");
    this.#look(this.slot);
  }

  #look(slot) {
    const slots = this.lists[0].length;
    this.slot = slot;
    const at = slot ?? slots - 1;
    say(this.when, slot === null ? "now" : `${duration((slots - 1 - slot) * this.slotS)} ago`);
    this.values.forEach((value, line) => say(value, this.words.value(this.lists[line]?.[at] ?? null)));
    this.plot.mark(slot, slots);
  }

  #pointed(event) {
    const { left, width } = this.plot.element.getBoundingClientRect();
    const slots = this.lists[0].length;
    this.#look(Math.max(0, Math.min(slots - 1, Math.round(((event.clientX - left) / width) * (slots - 1)))));
  }

  #pressed(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const slots = this.lists[0].length;
    this.#look(Math.max(0, Math.min(slots - 1, (this.slot ?? slots - 1) + step)));
  }
}
