/** The last lines of a service's log. While somebody reads further up, or has marked something, it stays where it is. */
import { h, offer, say } from "./dom.js";
import { ofService } from "./api.js";

const LINES = 200;
const NEAR = 24; // pixels from the end that count as there

/** What a line says is wrong: the level, as text or as JSON has it, and the lines of a traceback. */
const BAD = /^\S+ \S+ [EC] \[|"level": ?"(error|critical)"|\b(ERROR|CRITICAL)\b|^Traceback |^\s+File "|^\w*(Error|Exception)\b/i;
const WARNING = /^\S+ \S+ W \[|"level": ?"warning"|\bWARNING\b/i;

const kindOf = (line) => (BAD.test(line) ? "bad" : WARNING.test(line) ? "warn" : "");

export class Log {
  constructor(name) {
    this.name = name;
    this.text = "";
    this.version = h("select", { id: "log-version", onchange: () => { this.text = ""; this.isAsked = true; } });
    this.lines = h("pre", { class: "log", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "Log" });
    this.empty = h("p", { class: "dim" });
    this.element = h(
      "section",
      { class: "card", "aria-labelledby": "log-title" },
      h("div", { class: "head" },
        h("h2", { id: "log-title" }, "Log"),
        h("p", { class: "find" }, h("label", { for: "log-version" }, "Version "), this.version)),
      this.empty,
      this.lines,
    );
  }

  async update(api, service) {
    this.element.hidden = !service.may.logs || !service.versions.length;
    if (this.element.hidden) return;
    offer(this.version, "all", service.versions);
    this.version.parentElement.hidden = service.versions.length < 2;
    const { lines } = await api.get(ofService(this.name, "/logs"), { lines: LINES, version: this.version.value });
    this.#show(lines);
  }

  #show(lines) {
    say(this.empty, lines.length ? "" : "Nothing has been written yet.");
    this.empty.hidden = this.lines.hidden = false;
    this.empty.hidden = lines.length > 0;
    this.lines.hidden = !lines.length;
    const text = lines.join("\n");
    const isMarked = getSelection().toString() && this.lines.contains(getSelection().anchorNode);
    if (text === this.text || isMarked) return;
    const isAtEnd = !this.text || this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < NEAR;
    this.text = text;
    const before = this.lines.scrollTop;
    this.lines.replaceChildren(...lines.map((line) => h("span", { class: kindOf(line) }, `${line}\n`)));
    this.lines.scrollTop = isAtEnd ? this.lines.scrollHeight : before;
  }
}
