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

  forget() {
    this.write([]);
  }

  write(calls) {
    try { localStorage.setItem(this.key, JSON.stringify(calls)); } catch { /* no storage: the page works without */ }
  }
}
