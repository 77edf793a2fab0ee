/** The models of the registry: each by name, with its versions. */
import { h, keyed, moment, say } from "./dom.js";

const size = (bytes) => {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let at = 0;
  let value = bytes;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[at]}`;
};

const tagsOf = (tags) => Object.entries(tags).map(([name, value]) => h("span", { class: "tag" }, value ? `${name}: ${value}` : name));

const cell = (label, ...content) => h("td", { "data-label": label }, ...content);

/** A version never changes but for its tags and its description: a row is made anew when those do. */
function rowOf(model) {
  const { framework: kind, framework_version: of, description } = model.details;
  const framework = [kind, of].filter(Boolean).join(" ");
  return h(
    "tr",
    {},
    h("th", { scope: "row", "data-label": "Version" }, String(model.version)),
    cell("Framework", framework || "–"),
    cell("Size", size(model.size)),
    cell("Registered", h("span", {}, moment(model.created_at), ` by ${model.created_by}`)),
    cell("About", h("span", {}, description || (Object.keys(model.tags).length ? "" : "–"), ...tagsOf(model.tags))),
  );
}

class Model {
  constructor(name) {
    this.count = h("span", { class: "dim" });
    this.rows = h("tbody", {});
    const heads = ["Version", "Framework", "Size", "Registered", "About"].map((text) => h("th", { scope: "col" }, text));
    this.element = h(
      "section",
      { class: "card model" },
      h("h2", {}, name, " ", this.count),
      h("table", { class: "cards" }, h("thead", {}, h("tr", {}, ...heads)), this.rows),
    );
  }

  show(versions) {
    say(this.count, `${versions.length} ${versions.length === 1 ? "version" : "versions"}`);
    keyed(
      this.rows,
      versions,
      (one) => JSON.stringify([one.version, one.details.description, one.tags]),
      (one) => ({ element: rowOf(one) }),
      () => {},
    );
  }
}

export class ModelsView {
  constructor(page) {
    page.title("Models");
    this.everyS = 30;
    this.list = h("div", {});
    this.search = h("input", { type: "search", id: "model-search", autocomplete: "off", placeholder: "part of a name",
      oninput: () => this.#show() });
    this.empty = h(
      "div",
      { class: "card empty", hidden: true },
      h("h2", {}, "No model is registered yet"),
      h("p", {}, "A file or folder becomes a model with:"),
      h("pre", {}, "scoringhost model register NAME FILE"),
    );
    this.none = h("p", { class: "dim", role: "status" });
    this.find = h("p", { class: "find" }, h("label", { for: "model-search" }, "Find "), this.search);
    this.models = [];
    this.element = h("div", {}, h("div", { class: "head" }, h("h1", {}, "Models"), this.find), this.empty, this.none, this.list);
  }

  async update(api) {
    this.models = (await api.get("models")).models;
    this.#show();
  }

  #show() {
    const wanted = this.search.value.trim().toLowerCase();
    const named = Map.groupBy ? Map.groupBy(this.models, (one) => one.name) : grouped(this.models);
    const names = [...named.keys()].filter((name) => name.toLowerCase().includes(wanted)).sort();
    this.empty.hidden = this.models.length > 0;
    this.find.hidden = !this.models.length;
    say(this.none, this.models.length && !names.length ? "No model has that in its name." : "");
    keyed(
      this.list,
      names,
      (name) => name,
      (name) => new Model(name),
      (model, name) => model.show(named.get(name)),
    );
  }
}

function grouped(models) {
  const found = new Map();
  for (const one of models) found.set(one.name, [...(found.get(one.name) ?? []), one]);
  return found;
}

