/** The key or token of a service that asks for one.
 *
 * It is kept in sessionStorage, which ends with the tab, under the path of this page: behind a proxy other services
 * share the origin, and must not be sent it.
 */
const $ = (id) => document.getElementById(id);
const STORED_AS = `scoringhost key of ${new URL("./", location.href).pathname}`;
const CARRIERS = ["authorization", "x-api-key"];
const SENDABLE = /^[\x21-\x7e]+$/; // fetch() refuses other characters in a header

export class Key {
  #text = "";

  constructor() {
    try {
      this.#text = sessionStorage.getItem(STORED_AS) ?? "";
    } catch { /* storage is switched off: it is asked for again when the page is loaded again */ }
  }

  get isThere() {
    return this.#text !== "";
  }

  /** Keep a text as the key; returns what is wrong with it, or "". */
  keep(text) {
    if (!SENDABLE.test(text)) return "A key has no spaces in it, and letters, digits and signs of ASCII alone.";
    this.#text = text;
    try {
      sessionStorage.setItem(STORED_AS, text);
    } catch { /* as above */ }
    return "";
  }

  forget() {
    this.#text = "";
    try {
      sessionStorage.removeItem(STORED_AS);
    } catch { /* as above */ }
  }

  /** The header that carries it; none if there is no key, or if `own` headers carry one already. */
  headers(own = {}) {
    return this.isThere && !carriesKey(own) ? { Authorization: `Bearer ${this.#text}` } : {};
  }
}

/** Whether headers carry a key that somebody wrote down. */
export const carriesKey = (headers) => Object.keys(headers).some((name) => CARRIERS.includes(name.toLowerCase()));

/** Whether an answer says that the key is missing, wrong, or not enough. */
export const isRefused = (response) => response.status === 401 || response.status === 403;

/** What an answer that is an error says. */
export async function reasonOf(response) {
  try {
    return (await response.json()).message ?? `${response.status}`;
  } catch {
    return `It answers with the status ${response.status}.`;
  }
}

/** Show the field for the key, and why one is asked for. */
export async function askForKey(response) {
  $("key-why").textContent = await reasonOf(response);
  $("key-box").hidden = false;
  $("key").value = "";
  $("key").focus();
}

/** Follow a link: a browser sends no key of its own accord. */
export async function openWithKey(key, event, url) {
  if (!key.isThere) return;
  event.preventDefault();
  const answer = await (await fetch(url, { headers: key.headers() })).blob();
  Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(answer),
    target: "_blank",
    rel: "noopener", // a tab with an opener would get a copy of sessionStorage
  }).click();
}
