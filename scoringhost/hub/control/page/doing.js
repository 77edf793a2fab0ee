/** What is done with a service: asked for, waited for, and said what came of it, where it was asked for. */
import { h, note } from "./dom.js";
import { Lost } from "./api.js";

/** A place that says that something is under way, or why it could not be done; with the log, if there is one. */
export class Doing {
  constructor(page) {
    this.page = page;
    this.text = h("p", {});
    this.log = h("pre", { tabindex: "0", "aria-label": "The last lines of its log" });
    this.close = h("button", { class: "quiet", type: "button", onclick: () => this.#hide() }, "Dismiss");
    this.element = h("div", { class: "doing", role: "status", hidden: true }, this.text, this.log, this.close);
    this.isBusy = false;
  }

  /** Do something; `words`: what it is while it is done, and once it is. Returns whether it was done. */
  async run(words, work) {
    if (this.isBusy) return false;
    this.isBusy = true;
    this.#show("busy", `${words.doing} …`);
    try {
      await work(this.page.api);
      this.#hide();
      note(words.done);
      return true;
    } catch (problem) {
      this.#refused(problem);
      return false;
    } finally {
      this.isBusy = false;
      this.page.look();
    }
  }

  #refused(problem) {
    if (problem instanceof Lost) {
      this.#show("problem", "The hub has not answered; whether it was done is not known.");
      return;
    }
    this.#show("problem", problem.message, problem.said?.log);
  }

  #show(kind, text, log) {
    this.element.hidden = false;
    this.element.className = `doing ${kind}`;
    this.text.textContent = text;
    this.log.textContent = (log ?? []).join("\n");
    this.log.hidden = !log?.length;
    this.close.hidden = kind === "busy";
  }

  #hide() {
    this.element.hidden = true;
  }
}
