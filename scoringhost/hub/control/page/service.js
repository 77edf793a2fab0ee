/** One service: how it is and has done, its versions, and what can be done with it. */
import { hasCalls, perSecond } from "./calls.js";
import { ScaleForm, TrafficForm } from "./changing.js";
import { Doing } from "./doing.js";
import { badge, h, keyed, milliseconds, note, number, say, showBadge, sure } from "./dom.js";
import { EventList } from "./events.js";
import { Log } from "./log.js";
import { Chart, logarithmic } from "./plot.js";
import { Refused, ofService } from "./api.js";
import { worst } from "./services.js";
import { TryForm } from "./trying.js";
import { Versions } from "./versions.js";

const RATE = { axis: (top) => `${number(top)}/s`, value: (value) => (value === null ? "–" : `${number(value)}/s`) };
const TIME = { axis: milliseconds, value: milliseconds };

export class ServiceView {
  constructor(page, name) {
    Object.assign(this, { page, name });
    this.doing = new Doing(page);
    this.versions = new Versions(name, this.doing);
    this.traffic = new TrafficForm(name, this.doing);
    this.scale = new ScaleForm(name, this.doing);
    this.trying = new TryForm(page, name);
    this.log = new Log(name);
    this.events = new EventList(name);
    this.charts = [
      new Chart("Requests", [{ name: "requests", className: "rate", area: true }], RATE),
      new Chart("Latency", [{ name: "p50", className: "p50" }, { name: "p99", className: "p99" }], TIME, logarithmic),
      new Chart("Errors", [{ name: "5xx", className: "failed", bars: true }, { name: "4xx", className: "refused", bars: true }], RATE),
    ];
    this.of = h("select", { id: "chart-version", onchange: () => this.#draw() });
    this.ofWhich = h("p", { class: "find" }, h("label", { for: "chart-version" }, "Calls of "), this.of);
    this.quiet = h("p", { class: "dim quiet-time" }, "No calls in the last ten minutes.");
    this.element = h("div", {}, this.#head(), this.#reasons(), this.doing.element, ...this.#body());
    page.title(name);
  }

  #head() {
    const ask = (what, doing, done) => this.doing.run(
      { doing, done },
      (api) => api.send("POST", ofService(this.name, `/${what}`), { waits: true }),
    );
    this.state = badge("");
    this.url = h("code", { class: "url" });
    this.copy = h("button", { class: "quiet", type: "button", onclick: () => this.#copy() }, "Copy");
    this.owner = h("span", { class: "dim" });
    this.back = h("button", { type: "button", onclick: () => this.#rollBack(ask) }, "Roll back");
    this.acts = h(
      "div",
      { class: "row acts" },
      h("button", { type: "button", onclick: () => ask("reload", `Reloading ${this.name}`, `${this.name} was reloaded`) }, "Reload"),
      this.back,
      h("button", { type: "button", class: "danger-quiet", onclick: () => this.#undeploy() }, "Undeploy"),
    );
    return h(
      "div",
      { class: "head service-head" },
      h("div", {},
        h("p", { class: "crumb" }, h("a", { href: "#/" }, "Services")),
        h("h1", {}, this.name, " ", this.state),
        h("p", { class: "where" }, this.url, this.copy, this.owner)),
      this.acts,
    );
  }

  #reasons() {
    this.reasons = h("div", { class: "reasons" });
    return this.reasons;
  }

  #body() {
    this.none = h("p", { class: "card dim" }, "It has no version.");
    this.plots = h(
      "section",
      { class: "card", "aria-labelledby": "plots-title" },
      h("div", { class: "head" }, h("h2", { id: "plots-title" }, "The last ten minutes"), this.ofWhich),
      this.quiet,
      h("div", { class: "charts" }, ...this.charts.map((chart) => chart.element)),
    );
    this.table = h("section", { class: "card", "aria-labelledby": "versions-title" }, h("h2", { id: "versions-title" }, "Versions"), this.versions.element);
    return [
      this.none,
      this.plots,
      this.table,
      h("div", { class: "columns" },
        h("div", {}, this.trying.element, this.traffic.element, this.scale.element),
        h("div", {}, this.log.element,
          h("section", { class: "card", "aria-labelledby": "events-title" }, h("h2", { id: "events-title" }, "Events"), this.events.element))),
    ];
  }

  async update(api) {
    if (this.isLeaving) return;
    let found;
    try {
      found = await Promise.all([api.get(ofService(this.name)), api.get(ofService(this.name, "/metrics"))]);
    } catch (problem) {
      if (!(problem instanceof Refused) || problem.status !== 404) throw problem;
      this.#gone();
      return;
    }
    [this.service, this.metrics] = found;
    this.#show();
    await Promise.all([this.log.update(api, this.service), this.events.update(api)]);
  }

  #gone() {
    this.element.replaceChildren(
      h("div", { class: "card empty" },
        h("h1", {}, `There is no service “${this.name}”`),
        h("p", {}, "It may have been undeployed. ", h("a", { href: "#/events" }, "Events"), " say who has done what; ",
          h("a", { href: "#/" }, "all services"), " are here.")));
  }

  #show() {
    const { service, versions, traffic, scale, trying } = this;
    showBadge(this.state, worst(service));
    const hasVersions = service.versions.length > 0;
    say(this.url, service.scoring_url);
    say(this.owner, service.owner ? `owned by ${service.owner}${service.keys.length ? ", with keys of its own" : ""}` : "");
    this.acts.hidden = !service.may.change;
    this.none.hidden = hasVersions;
    this.plots.hidden = this.table.hidden = !hasVersions;
    keyed(
      this.reasons,
      service.versions.filter((one) => one.reason && one.wanted !== "stopped" && one.state !== "ready"),
      (one) => one.version,
      (one) => {
        const text = h("pre", { tabindex: "0", "aria-label": `Why version ${one.version} is as it is` });
        const title = h("strong", {});
        return { title, text, element: h("div", {}, title, text) };
      },
      (shown, one) => {
        shown.element.className = one.state === "failed" ? "problem" : "hint";
        say(shown.title, `Version ${one.version} ${one.state === "failed" ? "has failed" : `is ${one.state}`}`);
        say(shown.text, one.details || one.reason);
      },
    );
    for (const part of [traffic, scale, trying]) part.show(service);
    versions.show(service, this.metrics);
    this.#draw();
  }

  #draw() {
    const options = [{ version: "", text: "all versions" }, ...Object.keys(this.metrics.versions).map((one) => ({ version: one, text: `version ${one}` }))];
    keyed(this.of, options, (one) => one.version, (one) => ({ element: h("option", { value: one.version }, one.text) }), () => {});
    this.ofWhich.hidden = options.length < 3;
    const series = this.of.value ? this.metrics.versions[this.of.value] : this.metrics.service;
    this.quiet.hidden = hasCalls(series);
    this.plots.classList.toggle("without-calls", !hasCalls(series));
    if (!series) return;
    const slotS = this.metrics.slot_s;
    this.charts[0].show([perSecond(series.requests, slotS)], slotS);
    this.charts[1].show([series.p50_ms, series.p99_ms], slotS);
    this.charts[2].show([perSecond(series.failed, slotS), perSecond(series.refused, slotS)], slotS);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.service.scoring_url);
      note("The address is in the clipboard");
    } catch { // without https only the machine itself may
      getSelection().selectAllChildren(this.url);
      note("The address is marked: copy it with Ctrl+C");
    }
  }

  async #rollBack(ask) {
    const text = "The newest deployment is undone: what was before it answers again.";
    if (await sure(`Roll ${this.name} back?`, text, "Roll back")) {
      ask("rollback", `Rolling ${this.name} back`, `${this.name} was rolled back`);
    }
  }

  async #undeploy() {
    const text = "All of its versions end when their calls have ended, and their files are removed.";
    if (!await sure(`Undeploy ${this.name}?`, text, "Undeploy all of it")) return;
    this.isLeaving = true; // there will be nothing to look at
    const isDone = await this.doing.run(
      { doing: `Undeploying ${this.name}`, done: `${this.name} is gone` },
      (api) => api.send("DELETE", ofService(this.name), { waits: true }),
    );
    this.isLeaving = isDone;
    if (isDone && this.page.view === this) location.hash = "#/";
  }
}
