/** The control API, asked with the caller's token. It goes out in a header and nowhere else, and never to another host. */
const ANSWER_MS = 20_000;
const WAIT_S = 60;

/** The hub does not answer. */
export class Lost extends Error {}

/** The hub says no. `said`: its error, with `code`, `message` and what else it has. */
export class Refused extends Error {
  constructor(status, said) {
    super(said.message ?? `The hub answers with the status ${status}.`);
    Object.assign(this, { status, said });
  }
}

const query = (pairs) => {
  const given = Object.entries(pairs ?? {}).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
};

/** The path of a service; `rest` follows its name. */
export const ofService = (name, rest = "") => `services/${encodeURIComponent(name)}${rest}`;

export class Api {
  constructor(token) {
    this.token = token;
  }

  get(path, pairs) {
    return this.#call("GET", path + query(pairs));
  }

  /** Have something done; where that takes a while, its end is waited for. */
  send(method, path, { body, pairs, waits = false } = {}) {
    const all = waits ? { ...pairs, wait: WAIT_S } : pairs;
    return this.#call(method, path + query(all), body, waits ? WAIT_S * 1000 : 0);
  }

  async #call(method, path, body, waitMs = 0) {
    const headers = { Accept: "application/json" };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    let text;
    try {
      // The addresses are relative to the page: behind a proxy that serves the hub below a path it works as well.
      response = await fetch(new URL(path, document.baseURI), {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        signal: AbortSignal.timeout(ANSWER_MS + waitMs + (method === "GET" ? 0 : WAIT_S * 1000)),
      });
      text = await response.text();
    } catch (problem) {
      throw new Lost(String(problem));
    }
    let answer;
    try {
      answer = JSON.parse(text);
    } catch { // such as a proxy's own page
      throw response.ok ? new Lost("what answers is no hub") : new Refused(response.status, {});
    }
    if (!response.ok) throw new Refused(response.status, answer?.error ?? {});
    return answer;
  }
}
