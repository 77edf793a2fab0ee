/** The list of services: what needs somebody first, and how each has done in the last minutes. */
import { hasCalls, lastMinute, lastSlots, perSecond } from "./calls.js";
import { $, badge, h, headline, keyed, milliseconds, number, percent, say, showBadge } from "./dom.js";
import { Plot, logarithmic } from "./plot.js";

const SLOTS = 60; // five minutes
const URGENCY = ["failed", "loading", "draining", "ready", "stopped"];

export const linkTo = (name) => `#/services/${encodeURIComponent(name)}`;

/** The worst state of a service's versions that are asked for. */
export function worst(service) {
  const states = service.versions.filter((one) => one.wanted !== "stopped").map((one) => one.state);
  return URGENCY.find((state) => states.includes(state)) ?? service.state;
}

export const isDue = (service) => worst(service) === "failed";

/** Why a service is as it is: of the version that is worst. */
function reasonOf(service) {
  const state = worst(service);
  const version = service.versions.find((one) => one.state === state && one.reason);
  if (!version) return service.versions.length ? whyStopped(service, state) : service.reason;
  const which = service.versions.length > 1 ? `version ${version.version}: ` : "";
  return which + headline(version.details || version.reason); // details: for who may change it
}

function whyStopped(service, state) {
  if (state !== "stopped") return "";
  return service.versions.some((one) => one.wanted !== "stopped") ? "it starts at its first call" : "stopped by hand";
}

/** How requests are divided, as a bar; versions that get none are in it by name alone. */
export class Division {
  constructor() {
    this.bar = h("span", { class: "division", "aria-hidden": "true" });
    this.text = h("span", { class: "division-text" });
    this.element = h("div", {}, this.bar, this.text);
  }

  show(service) {
    const { versions } = service;
    keyed(
      this.bar,
      versions.filter((one) => one.share > 0),
      (one) => one.version,
      () => ({ element: h("span", {}) }),
      ({ element }, one) => {
        element.style.flexGrow = one.share;
        element.className = `share share-${versions.indexOf(one) % 4}`;
      },
    );
    const said = versions.map((one) =>
      one.share ? `${one.version} ${number(one.share)} %` : `${one.version}${one.wanted === "stopped" ? " stopped" : ""}`);
    say(this.text, versions.length === 1 ? `version ${versions[0].version}` : said.join(" · "));
  }
}

const measure = (title, lines, scale) => {
  const value = h("span", { class: "value" }, "–");
  const plot = new Plot(lines, 26, scale);
  return { value, plot, element: h("div", { class: "measure" }, h("span", { class: "dim" }, title), value, plot.element) };
};

class Row {
  constructor(service) {
    this.state = badge(service.state);
    this.reason = h("p", { class: "reason" });
    this.division = new Division();
    this.workers = h("span", { class: "dim" });
    this.rate = measure("req/s", [{ name: "requests", className: "rate", area: true }]);
    this.times = measure("p99", [{ name: "p99", className: "p99" }], logarithmic);
    this.errors = measure("errors", [
      { name: "5xx", className: "failed", bars: true },
      { name: "4xx", className: "refused", bars: true },
    ]);
    this.element = h(
      "li",
      { class: "service" },
      h("div", { class: "what" },
        h("h2", {}, h("a", { href: linkTo(service.name) }, service.name)), this.state, this.reason),
      h("div", { class: "divided" }, this.division.element, this.workers),
      h("div", { class: "measures" }, this.rate.element, this.times.element, this.errors.element),
    );
  }

  show(service, series, slotS) {
    showBadge(this.state, worst(service));
    this.element.classList.toggle("due", isDue(service));
    const reason = reasonOf(service);
    say(this.reason, reason);
    this.reason.title = reason;
    this.reason.hidden = !reason;
    this.division.show(service);
    const workers = service.versions.reduce((all, one) => all + one.workers, 0);
    say(this.workers, `${workers} ${workers === 1 ? "worker" : "workers"}`);
    this.element.classList.toggle("idle", !hasCalls(series));
    const minute = lastMinute(series, slotS);
    say(this.rate.value, minute ? number(minute.rate) : "–");
    say(this.times.value, milliseconds(minute?.p99));
    say(this.errors.value, minute?.requests ? percent(minute.errors) : "–");
    this.errors.value.classList.toggle("bad", Boolean(minute?.failed));
    if (!series) return;
    const drawn = lastSlots(series, SLOTS);
    this.rate.plot.show([perSecond(drawn.requests, slotS)]);
    this.times.plot.show([drawn.p99_ms]);
    this.errors.plot.show([drawn.failed, drawn.refused]);
  }
}

export class ServicesView {
  constructor(page) {
    this.page = page;
    this.sum = h("p", { class: "sum", role: "status" });
    this.list = h("ul", { class: "services" });
    this.empty = h(
      "div",
      { class: "card empty", hidden: true },
      h("h2", {}, "Nothing is deployed yet"),
      h("p", {}, "A folder with a score.py, or a model file, becomes a service with:"),
      h("pre", {}, "scoringhost deploy FOLDER"),
    );
    this.element = h("div", {}, h("div", { class: "head" }, h("h1", {}, "Services"), this.sum), this.empty, this.list);
  }

  async update(api) {
    const [{ services }, metrics] = await Promise.all([api.get("services"), api.get("metrics", { slots: SLOTS })]);
    services.sort((one, other) => isDue(other) - isDue(one) || one.name.localeCompare(other.name, "en"));
    this.empty.hidden = services.length > 0;
    this.#sumUp(services, metrics);
    keyed(
      this.list,
      services,
      (service) => service.name,
      (service) => new Row(service),
      (row, service) => row.show(service, metrics.services[service.name], metrics.slot_s),
    );
  }

  #sumUp(services, metrics) {
    const states = services.map(worst);
    const counted = URGENCY.map((state) => [states.filter((one) => one === state).length, state])
      .filter(([count]) => count)
      .map(([count, state]) => `${count} ${state}`);
    const rate = Object.values(metrics.services)
      .reduce((all, series) => all + lastMinute(series, metrics.slot_s).rate, 0);
    say(this.sum, services.length ? [...counted, `${number(rate)} requests/s`].join(" · ") : "");
    const failed = services.filter(isDue).length;
    this.page.title(failed ? `${failed} failed` : "Services");
  }

  focus() {
    $("main").focus({ preventScroll: true });
  }
}
