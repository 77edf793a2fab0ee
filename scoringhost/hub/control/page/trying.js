/** The form to try a service: with its own sample, sent through the hub, and what it answers. */
import { h, milliseconds, number, offer, say } from "./dom.js";
import { Lost, ofService } from "./api.js";

const pretty = (value) => {
  const text = JSON.stringify(value, null, 2);
  // Rows of numbers on one line each, as people write them.
  return text.replace(/\[\s+([^[\]{}"]*?)\s+\]/g, (_, inner) => `[${inner.replace(/\s+/g, " ")}]`);
};

/** Whether a text is all that JSON would say of its value: numbers beyond 2^53 must not be shown as others. */
const isSafe = (text) => !/\d{16}/.test(text);

export class TryForm {
  constructor(page, name) {
    Object.assign(this, { page, name });
    this.sampled = null; // the version whose sample is asked for
    this.sample = "";
    this.version = h("select", { id: "try-version", onchange: () => this.#askForSample(true) });
    this.kind = h("input", { id: "try-kind", value: "application/json", autocomplete: "off", spellcheck: "false" });
    this.about = h("p", { class: "dim about" });
    this.body = h("textarea", { id: "try-body", rows: "8", spellcheck: "false", onkeydown: (event) => this.#pressed(event) });
    this.send = h("button", { type: "submit", class: "main", title: "Ctrl+Enter" }, "Send");
    this.again = h("button", { type: "button", onclick: () => this.#fill() }, "Sample");
    this.summary = h("p", { class: "summary", role: "status" });
    this.answer = h("pre", { tabindex: "0", "aria-label": "Answer", hidden: true });
    this.element = h(
      "form",
      { class: "card try", "aria-labelledby": "try-title", onsubmit: (event) => this.#submit(event) },
      h("h2", { id: "try-title" }, "Try it"),
      this.about,
      h("div", { class: "row fields" },
        h("div", { class: "field" }, h("label", { for: "try-version" }, "Version"), this.version),
        h("div", { class: "field wide" }, h("label", { for: "try-kind" }, "Content-Type"), this.kind)),
      h("label", { for: "try-body" }, "Body"),
      this.body,
      h("div", { class: "row" }, this.send, this.again),
      this.summary,
      this.answer,
    );
  }

  show(service) {
    this.element.hidden = !service.may.call || !service.versions.length;
    if (this.element.hidden) return;
    offer(this.version, "as the traffic says", service.versions);
    // Not of one that does not run: to be asked for its sample it would be started.
    const chosen = service.versions.find((one) => one.version === this.version.value);
    const isReady = (chosen ? [chosen] : service.versions).some((one) => one.state === "ready");
    if (isReady && this.sampled === null) this.#askForSample(false);
  }

  async #askForSample(isChosen) {
    const version = this.version.value;
    if (isChosen && this.sampled === version) return;
    this.sampled = version;
    let found;
    try {
      found = await this.page.api.get(ofService(this.name, "/sample"), { version });
    } catch { // the body can be written without one
      this.sampled = null;
      return;
    }
    if (this.sampled !== version) return;
    const isUntouched = this.body.value === this.sample;
    const { kind, sample } = found;
    const before = this.sample;
    if (typeof sample === "string" && kind !== "json") this.sample = sample;
    else if (sample !== null && sample !== undefined) this.sample = pretty(sample);
    else this.sample = kind === "json" ? "{}" : "";
    say(this.about, found.text ?? "");
    this.about.hidden = !found.text;
    if (isUntouched || this.body.value === before) this.#fill();
  }

  #fill() {
    this.again.hidden = !this.sample;
    this.body.value = this.sample;
  }

  #pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.element.requestSubmit();
    }
  }

  async #submit(event) {
    event.preventDefault();
    this.send.disabled = true;
    this.summary.className = "summary";
    say(this.summary, "Waiting for an answer …");
    this.answer.hidden = true;
    try {
      const body = { text: this.body.value, content_type: this.kind.value.trim(), version: this.version.value };
      this.#answered(await this.page.api.send("POST", ofService(this.name, "/try"), { body }));
    } catch (problem) {
      this.summary.className = "summary bad";
      say(this.summary, problem instanceof Lost ? "The hub has not answered." : problem.message);
    } finally {
      this.send.disabled = false;
    }
  }

  #answered(answer) {
    const isGood = answer.status < 400;
    this.summary.className = `summary ${isGood ? "good" : "bad"}`;
    const words = [`${answer.status}`, milliseconds(answer.took_ms), `${number(answer.size)} bytes`];
    if (answer.version) words.push(`version ${answer.version}`);
    if (answer.is_cut) words.push("the beginning of it");
    say(this.summary, words.join(" · "));
    this.answer.hidden = false;
    this.answer.textContent = shown(answer);
    this.answer.scrollIntoView({ block: "nearest" });
  }
}

function shown({ text, content_type: kind, size }) {
  if (text === null) return `${number(size)} bytes of ${kind || "something"} that is no text`;
  if (!text) return "(nothing)";
  if (!kind.includes("json") || !isSafe(text)) return text;
  try {
    return pretty(JSON.parse(text));
  } catch {
    return text;
  }
}
