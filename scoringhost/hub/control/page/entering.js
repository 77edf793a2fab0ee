/** Who looks: a token for this tab, from a link that holds once, from the form, or from before in this tab.
 *
 * It is kept in sessionStorage, which ends with the tab, under the path of this page: behind a proxy others share the
 * origin. It is no cookie, so no other page can have this browser send it.
 */
import { $ } from "./dom.js";
import { Api, Lost } from "./api.js";

const STORED_AS = `scoringhost token of ${new URL("./", document.baseURI).pathname}`;
const SENDABLE = /^[\x21-\x7e]+$/; // fetch() refuses other characters in a header

export function storedToken() {
  try {
    return sessionStorage.getItem(STORED_AS) ?? "";
  } catch {
    return ""; // storage is switched off: it is asked for again when the page is loaded again
  }
}

export function store(token) {
  try {
    if (token) sessionStorage.setItem(STORED_AS, token);
    else sessionStorage.removeItem(STORED_AS);
  } catch { /* as above */ }
}

/** The token for the code of a link, if the address has one, which is taken out of it; "" if there is none. */
export async function tokenOfLink() {
  const code = /^#code=([\w-]+)$/.exec(location.hash)?.[1];
  if (!code) return "";
  history.replaceState(null, "", `${location.pathname}${location.search}#/`);
  const session = await new Api(code).send("POST", "sessions");
  return session.token;
}

/** Show the form, and why; `use` is given what is written into it. */
export function askForToken(why, use) {
  $("enter").hidden = false;
  $("enter-why").hidden = !why;
  $("enter-why").textContent = why;
  $("key").value = "";
  $("key").focus();
  $("enter-form").onsubmit = (event) => {
    event.preventDefault();
    const token = $("key").value.trim();
    if (!SENDABLE.test(token)) {
      askForToken("A key has no spaces in it, and letters, digits and signs of ASCII alone.", use);
      return;
    }
    $("enter").hidden = true;
    use(token);
  };
}

/** Why a link did not let in. */
export function whyNot(problem) {
  if (problem instanceof Lost) return "The hub does not answer. Is it running?";
  return "This link has been used, or is too old: scoringhost hub open makes a new one.";
}
