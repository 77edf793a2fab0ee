/** Two forms: how requests are divided among versions, and between how many workers a version has. */
import { h, keyed, number, say } from "./dom.js";
import { ofService } from "./api.js";

const round = (value) => Math.round(value * 100) / 100;

/** Shares in per cent. What is being written is left alone; the hub's own numbers come back with "Reset". */
export class TrafficForm {
  constructor(name, doing) {
    Object.assign(this, { name, doing });
    this.isTouched = false;
    this.rows = h("div", { class: "shares" });
    this.sum = h("p", { class: "dim", role: "status" });
    this.apply = h("button", { type: "submit", class: "main" }, "Divide");
    this.reset = h("button", { type: "button", onclick: () => this.#forget() }, "Reset");
    this.element = h(
      "form",
      { class: "card", "aria-labelledby": "traffic-title", onsubmit: (event) => this.#submit(event) },
      h("h2", { id: "traffic-title" }, "Traffic"),
      this.rows,
      this.sum,
      h("div", { class: "row" }, this.apply, this.reset),
    );
  }

  show(service) {
    this.service = service;
    this.element.hidden = !service.may.change || service.versions.length < 2;
    keyed(
      this.rows,
      service.versions,
      (one) => one.version,
      (one) => this.#row(one),
      (row, one) => {
        if (this.isTouched) return;
        row.slider.value = one.share;
        row.input.value = round(one.share);
      },
    );
    this.#count();
  }

  #row(one) {
    const id = `share-of-${one.version}`;
    const changed = (from, to) => () => {
      this.isTouched = true;
      to.value = from.value;
      this.#count();
    };
    const slider = h("input", { type: "range", min: "0", max: "100", step: "1", "aria-label": `Share of version ${one.version}` });
    const input = h("input", { type: "number", id, min: "0", max: "100", step: "any", inputmode: "decimal" });
    slider.addEventListener("input", changed(slider, input));
    input.addEventListener("input", changed(input, slider));
    const all = h("button", { type: "button", onclick: () => this.#all(one.version) }, "All");
    all.setAttribute("aria-label", `All to version ${one.version}`);
    const element = h("div", { class: "share-row" }, h("label", { for: id }, one.version), slider, input, h("span", { class: "dim" }, "%"), all);
    return { element, slider, input };
  }

  #all(version) {
    this.isTouched = true;
    for (const [known, row] of this.rows.known) {
      row.input.value = row.slider.value = known === version ? 100 : 0;
    }
    this.#count();
  }

  #shares() {
    return Object.fromEntries([...this.rows.known].map(([version, row]) => [version, Number(row.input.value || 0)]));
  }

  #count() {
    const total = Object.values(this.#shares()).reduce((one, other) => one + other, 0);
    const rest = round(100 - total);
    const fallback = this.service.default ?? "the newest version";
    let text = "";
    if (rest < 0) text = `That is ${number(-rest)} % more than there is.`;
    else if (rest > 0) text = `The other ${number(rest)} % go to ${fallback}, the default.`;
    say(this.sum, text);
    this.sum.classList.toggle("bad", rest < 0);
    this.apply.disabled = rest < 0 || !this.isTouched;
    this.reset.disabled = !this.isTouched;
  }

  #forget() {
    this.isTouched = false;
    this.show(this.service);
  }

  async #submit(event) {
    event.preventDefault();
    const shares = Object.fromEntries(Object.entries(this.#shares()).filter(([, share]) => share > 0));
    const isDone = await this.doing.run(
      { doing: "Dividing the requests", done: "The requests are divided so from now on" },
      (api) => api.send("PATCH", ofService(this.name, "/traffic"), { body: { shares } }),
    );
    if (isDone) this.isTouched = false;
  }
}

export class ScaleForm {
  constructor(name, doing) {
    Object.assign(this, { name, doing });
    this.isTouched = false;
    const touched = () => { this.isTouched = true; };
    this.version = h("select", { id: "scale-version", onchange: () => { this.isTouched = false; this.#fill(); } });
    this.least = h("input", { type: "number", id: "scale-least", min: "0", max: "1000", required: true, oninput: touched });
    this.most = h("input", { type: "number", id: "scale-most", min: "1", max: "1000", required: true, oninput: touched });
    this.which = h("div", { class: "field" }, h("label", { for: "scale-version" }, "Version"), this.version);
    this.element = h(
      "form",
      { class: "card", "aria-labelledby": "scale-title", onsubmit: (event) => this.#submit(event) },
      h("h2", { id: "scale-title" }, "Workers"),
      h("div", { class: "row fields" },
        this.which,
        h("div", { class: "field" }, h("label", { for: "scale-least" }, "At least"), this.least),
        h("div", { class: "field" }, h("label", { for: "scale-most" }, "At most"), this.most),
        h("button", { type: "submit", class: "main" }, "Scale")),
      h("p", { class: "dim" }, "In between, their number follows the load. With none at least, it ends when nobody calls, and starts at the first call."),
    );
  }

  show(service) {
    this.service = service;
    this.element.hidden = !service.may.change || !service.versions.length;
    this.which.hidden = service.versions.length < 2;
    keyed(
      this.version,
      service.versions,
      (one) => one.version,
      (one) => ({ element: h("option", { value: one.version }, one.version) }),
      () => {},
    );
    if (!this.isTouched) this.#fill();
  }

  #fill() {
    const one = this.service.versions.find((version) => version.version === this.version.value);
    if (one?.pool.maximum === undefined) return;
    this.least.value = one.pool.minimum;
    this.most.value = one.pool.maximum;
  }

  async #submit(event) {
    event.preventDefault();
    const version = this.version.value;
    const body = { minimum: Number(this.least.value), maximum: Number(this.most.value) };
    const isDone = await this.doing.run(
      { doing: `Scaling ${this.name}:${version}`, done: `${this.name}:${version} has ${body.minimum} to ${body.maximum} workers` },
      (api) => api.send("POST", ofService(this.name, "/scale"), { body, pairs: { version } }),
    );
    if (isDone) this.isTouched = false;
  }
}
