/** The versions of a service: how each is and does, and what can be done with it. */
import { lastMinute } from "./calls.js";
import { badge, duration, h, keyed, milliseconds, number, percent, say, showBadge, showMoment, sure } from "./dom.js";
import { ofService } from "./api.js";

const cell = (label, ...content) => h("td", { "data-label": label }, ...content);
const button = (text, onclick, kind = "") => h("button", { type: "button", class: kind, onclick }, text);

class Row {
  constructor(view, version) {
    this.view = view;
    this.version = version.version;
    this.name = h("span", { class: "version" }, version.version);
    this.isDefault = h("span", { class: "tag" }, "default");
    this.updating = h("span", { class: "tag" }, "being replaced");
    this.state = badge(version.state);
    this.workers = h("span", {});
    this.share = h("span", {});
    this.numbers = ["req/s", "p99", "errors"].map((label) => ({ label, value: h("span", { class: "value" }) }));
    this.at = h("time", {});
    this.by = h("span", {});
    const label = `${view.name}:${version.version}`;
    this.reload = button("Reload", () => view.ask("reload", this.version, `Reloading ${label}`, `${label} was reloaded`));
    this.start = button("Start", () => view.ask("start", this.version, `Starting ${label}`, `${label} runs`));
    this.stop = button("Stop", () => this.#stop(label));
    this.remove = button("Undeploy", () => this.#remove(label), "danger-quiet");
    this.buttons = h("div", { class: "row", role: "group", "aria-label": label }, this.reload, this.start, this.stop, this.remove);
    this.element = h(
      "tr",
      {},
      h("th", { scope: "row", "data-label": "Version" }, h("span", {}, this.name, " ", this.isDefault, " ", this.updating)),
      cell("State", this.state),
      cell("Workers", this.workers),
      cell("Traffic", this.share),
      ...this.numbers.map(({ label: title, value }) => cell(title, value)),
      cell("Deployed", h("span", {}, this.at, this.by)),
      this.acts = h("td", { class: "acts" }, this.buttons),
    );
  }

  show(one, series, slotS, mayChange) {
    showBadge(this.state, one.state);
    this.isDefault.hidden = !one.is_default;
    this.updating.hidden = !one.updating;
    say(this.workers, workersOf(one));
    say(this.share, one.share ? `${number(one.share)} %` : "–");
    const minute = lastMinute(series, slotS);
    const said = minute?.requests
      ? [number(minute.rate), milliseconds(minute.p99), percent(minute.errors)]
      : ["–", "–", "–"];
    this.numbers.forEach(({ value }, at) => say(value, said[at]));
    this.numbers[2].value.classList.toggle("bad", Boolean(minute?.failed));
    showMoment(this.at, one.deployment?.created_at ?? one.created_at);
    say(this.by, ` by ${one.deployment?.created_by ?? one.created_by}`);
    this.acts.hidden = !mayChange;
    const runs = one.wanted !== "stopped";
    this.reload.hidden = !runs;
    this.stop.hidden = !runs;
    this.start.hidden = runs;
  }

  async #stop(label) {
    const text = "It takes no calls any more, after a restart of the hub either, until it is started.";
    if (await sure(`Stop ${label}?`, text, "Stop it")) {
      this.view.ask("stop", this.version, `Stopping ${label}`, `${label} is stopped`);
    }
  }

  async #remove(label) {
    const text = "It ends when its calls have ended, and its files are removed.";
    if (!await sure(`Undeploy ${label}?`, text, "Undeploy")) return;
    const path = ofService(this.view.name, `/versions/${encodeURIComponent(this.version)}`);
    this.view.doing.run(
      { doing: `Undeploying ${label}`, done: `${label} is gone` },
      (api) => api.send("DELETE", path, { waits: true }),
    );
  }
}

/** How many workers a version has, of how many that it is to have. */
function workersOf(one) {
  if (one.wanted === "stopped") return "–";
  const { minimum = 0, maximum = minimum, idle_s: idleS = 0 } = one.pool;
  const wanted = Math.max(one.replicas, minimum);
  const of = wanted > one.workers ? `${one.workers} of ${wanted}` : `${one.workers}`;
  if (minimum === maximum) return of;
  const idle = minimum === 0 ? `, none after ${duration(idleS)} without calls` : "";
  return `${of} (${minimum} to ${maximum}${idle})`;
}

export class Versions {
  constructor(name, doing) {
    Object.assign(this, { name, doing });
    this.rows = h("tbody", {});
    const heads = ["Version", "State", "Workers", "Traffic", "req/s", "p99", "errors", "Deployed"];
    this.last = h("th", { scope: "col" }, h("span", { class: "hidden" }, "What can be done"));
    this.element = h(
      "table",
      { class: "cards versions" },
      h("caption", { class: "hidden" }, "Versions, and how they have done in the last minute"),
      h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)), this.last)),
      this.rows,
    );
  }

  show(service, metrics) {
    this.last.hidden = !service.may.change;
    keyed(
      this.rows,
      service.versions,
      (one) => one.version,
      (one) => new Row(this, one),
      (row, one) => row.show(one, metrics.versions[one.version], metrics.slot_s, service.may.change),
    );
  }

  /** One of the operations that are about a version and have no body. */
  ask(what, version, doing, done) {
    const path = ofService(this.name, `/${what}`);
    return this.doing.run({ doing, done }, (api) => api.send("POST", path, { pairs: { version }, waits: true }));
  }
}
