/** What has happened: who has done what, and why something failed; the newest first. */
import { h, headline, keyed, showMoment } from "./dom.js";
import { linkTo } from "./services.js";
import { ofService } from "./api.js";

const MOST = 100;

/** An event as a line. Its time grows; the rest of it never changes. */
class Line {
  constructor(event, withService) {
    this.time = h("time", {});
    const name = event.version ? `${event.service}:${event.version}` : event.service;
    const where = withService && event.service ? h("a", { href: linkTo(event.service) }, name) : event.version && `version ${event.version}`;
    this.element = h(
      "li",
      { class: /fail|reject/.test(event.what) ? "event bad-event" : "event" },
      this.time,
      h("span", { class: "happened" },
        h("strong", {}, event.what), " ", where || null, event.who ? ` by ${event.who}` : "", detailOf(event.detail)),
    );
  }
}

/** What is said of it; of a traceback the line that says most, and the rest where somebody wants it. */
function detailOf(detail) {
  if (!detail) return null;
  if (!detail.trim().includes("\n")) return h("span", { class: "detail" }, ` · ${detail}`);
  return h("details", { class: "detail" }, h("summary", {}, headline(detail)), h("pre", { tabindex: "0" }, detail));
}

/** A list of events, of a service or of all. */
export class EventList {
  constructor(name) {
    this.name = name;
    this.list = h("ol", { class: "events" });
    this.empty = h("p", { class: "dim" }, "Nothing has happened yet.");
    this.element = h("div", {}, this.empty, this.list);
  }

  async update(api) {
    const path = this.name === undefined ? "events" : ofService(this.name, "/events");
    const { events } = await api.get(path, { most: MOST });
    this.empty.hidden = events.length > 0;
    keyed(
      this.list,
      events.toReversed(),
      (event) => event.id,
      (event) => new Line(event, this.name === undefined),
      (line, event) => showMoment(line.time, event.at, true),
    );
  }
}

export class EventsView {
  constructor(page) {
    page.title("Events");
    this.events = new EventList();
    this.element = h("div", {}, h("div", { class: "head" }, h("h1", {}, "Events")), h("div", { class: "card" }, this.events.element));
  }

  update(api) {
    return this.events.update(api);
  }
}
