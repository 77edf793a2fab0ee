/** The page of a hub: who looks, which view is shown, and what is asked for again and again while somebody looks. */
import { Api, Lost, Refused } from "./api.js";
import { $, say } from "./dom.js";
import { askForToken, store, storedToken, tokenOfLink, whyNot } from "./entering.js";
import { EventsView } from "./events.js";
import { ModelsView } from "./models.js";
import { ServiceView } from "./service.js";
import { ServicesView } from "./services.js";

const EVERY_S = 5;
const RETRY_S = 3;

class Page {
  constructor() {
    this.api = null;
    this.view = null;
    this.timer = 0;
    this.looks = 0;
    this.answeredAt = null;
    addEventListener("hashchange", () => this.#arrive());
    document.addEventListener("visibilitychange", () => this.look());
    $("leave").addEventListener("click", () => this.#leave(""));
    setInterval(() => this.#sayAge(), 1000);
  }

  async start() {
    let token;
    try {
      token = await tokenOfLink() || storedToken();
    } catch (problem) {
      this.#ask(whyNot(problem));
      return;
    }
    if (token) await this.#enter(token);
    else this.#ask("");
  }

  title(text) {
    document.title = `${text} - ${this.hub ?? "scoringhost hub"}`;
  }

  /** Look now, and not only at the next time. */
  look() {
    clearTimeout(this.timer);
    if (this.view && !document.hidden) this.#tick();
  }

  // -- who looks ----------------------------------------------------------------------------------

  #ask(why) {
    $("view").replaceChildren();
    $("nav").hidden = $("leave").hidden = true;
    say($("who"), "");
    say($("link"), "");
    this.title("Sign in");
    askForToken(why, (token) => this.#enter(token));
  }

  async #enter(token) {
    const api = new Api(token);
    try {
      const about = await api.get("./");
      this.api = api;
      store(token);
      this.hub = `hub ${about.home.split("/").filter(Boolean).at(-1) ?? ""}`;
      say($("brand"), this.hub);
      $("brand").title = `scoringhost ${about.version}, ${about.home}`;
      say($("who"), `${about.caller}, ${about.role}`);
      $("nav").hidden = $("leave").hidden = false;
      $("enter").hidden = true;
      this.#arrive();
    } catch (problem) {
      if (problem instanceof Refused) {
        store("");
        this.#ask(problem.status === 401 ? "That lets nobody in: it is wrong, or too old." : problem.message);
        return;
      }
      this.#say("The hub does not answer.", RETRY_S);
      setTimeout(() => this.#enter(token), RETRY_S * 1000);
    }
  }

  /** Sign out. A token that was had for a link holds for hours: the hub is told that it is not wanted any more. */
  #leave(why) {
    const { api } = this;
    api?.send("POST", "sessions/end", { body: { token: api.token } }).catch(() => {});
    store("");
    clearTimeout(this.timer);
    this.view = this.api = null;
    $("lost").hidden = true;
    this.#ask(why);
  }

  // -- what is shown --------------------------------------------------------------------------------

  #arrive() {
    if (location.hash.startsWith("#code=")) { // a link that was opened in this tab
      this.start();
      return;
    }
    if (!this.api) return;
    clearTimeout(this.timer);
    const [, page = "", name = ""] = location.hash.split("/");
    const isService = page === "services" && name;
    if (isService) this.view = new ServiceView(this, named(name));
    else this.view = new ({ models: ModelsView, events: EventsView }[page] ?? ServicesView)(this);
    $("view").replaceChildren(this.view.element);
    for (const link of $("nav").children) {
      const isHere = link.dataset.page === (page === "models" || page === "events" ? page : "services");
      if (isHere) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    scrollTo(0, 0);
    $("main").focus({ preventScroll: true });
    this.look();
  }

  async #tick() {
    const { view } = this;
    this.looks += 1;
    const look = this.looks;
    let nextS = view.everyS ?? EVERY_S;
    try {
      await view.update(this.api);
      if (look !== this.looks) return; // somebody has gone elsewhere, or looked again
      this.#answered();
    } catch (problem) {
      if (look !== this.looks) return;
      if (problem instanceof Refused && problem.status === 401) {
        this.#leave("You have been signed out: the token does not hold any more, or the hub was started anew.");
        return;
      }
      nextS = RETRY_S;
      if (problem instanceof Lost) this.#say(this.#sinceWhen(), nextS);
      else if (problem instanceof Refused) this.#say(problem.message, nextS);
      else {
        this.#say("This page has failed; loading it again may help.", nextS);
        console.error(problem);
      }
    }
    this.timer = setTimeout(() => this.look(), nextS * 1000);
  }

  #answered() {
    this.answeredAt = new Date();
    $("lost").hidden = true;
    $("view").classList.remove("stale");
    this.#sayAge();
  }

  #sinceWhen() {
    const at = this.answeredAt?.toLocaleTimeString();
    return `The hub does not answer.${at ? ` What is shown is of ${at}.` : ""}`;
  }

  #say(text, nextS) {
    $("lost").hidden = false;
    say($("lost"), `${text} Trying again every ${nextS} s.`);
    $("view").classList.add("stale");
    $("link").className = "link bad";
    say($("link"), "no answer");
  }

  #sayAge() {
    if (!this.api || !this.answeredAt || !$("lost").hidden) return;
    $("link").className = "link good";
    say($("link"), "connected");
    $("link").title = `as of ${this.answeredAt.toLocaleTimeString()}`;
  }
}

function named(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

new Page().start();
