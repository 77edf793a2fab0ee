/**
 * The last calls of this browser, kept in its own storage under the address of the page.
 *
 * Other headers than the content type are not kept: one of them may be a key.
 */

const MOST = 10;
const LONGEST = 20000;

export class Calls {
  constructor(name) {
    this.key = `scoringhost calls of ${name} at ${location.pathname}`;
  }

  all() {
    try {
      const found = JSON.parse(localStorage.getItem(this.key));
      return Array.isArray(found) ? found.slice(0, MOST) : [];
    } catch {
      return []; // no storage, or somebody else's text in it
    }
  }

  /** Put a call first; a body that is too long is not kept, and null then. */
  add(call) {
    const kept = { ...call, body: call.body !== null && call.body.length <= LONGEST ? call.body : null };
    this.write([kept, ...this.all()].slice(0, MOST));
  }

  /** One line of a list for each call; a button that hands it to `choose`, if all of it was kept. */
  lines(choose) {
    return this.all().map((call) => {
      const sent = call.file ?? (call.body ?? "a long body").replace(/\s+/g, " ");
      const what = `${call.method}${call.query ? ` ?${call.query}` : ""} · ${sent}`;
      const button = document.createElement("button");
      button.textContent = `${new Date(call.atMs).toLocaleTimeString()} · ${call.answer} · ${what}`;
      button.disabled = call.body === null;
      button.title = button.disabled ? "Its body was a file or too long, and is not kept" : "Fill the request in again";
      button.addEventListener("click", () => choose(call));
      const line = document.createElement("li");
      line.append(button);
      return line;
    });
  }

  forget() {
    this.write([]);
  }

  write(calls) {
    try { localStorage.setItem(this.key, JSON.stringify(calls)); } catch { /* no storage: the page works without */ }
  }
}
