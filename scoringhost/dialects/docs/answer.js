/** The answer of the service: shown as it comes, and brought into sight. */
import { pretty } from "./pretty.js";

const $ = (id) => document.getElementById(id);

/** Bring the answer to where it is seen: on a phone it is below the fold. */
export function reveal() {
  const { top } = $("response").getBoundingClientRect();
  if (top < 0 || top > window.innerHeight * 0.7) $("response").scrollIntoView({ block: "start" });
}

export async function show(response, startedMs) {
  const type = response.headers.get("content-type") ?? "";
  $("headers").textContent = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  $("headers-box").hidden = false;
  reveal();
  let size = 0;
  if (type.startsWith("image/")) {
    const blob = await response.blob();
    size = blob.size;
    $("image").src = URL.createObjectURL(blob);
    $("image").hidden = false;
  } else {
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    for (let piece; reader && !(piece = await reader.read()).done; size += piece.value.length) {
      $("answer").append(decoder.decode(piece.value, { stream: true }));
    }
    if (type.startsWith("application/json")) {
      try { $("answer").textContent = pretty(JSON.parse($("answer").textContent)); } catch { /* as it came */ }
    }
  }
  const took = (performance.now() - startedMs).toFixed(1);
  $("summary").textContent = `${response.status} ${response.statusText} · ${took} ms · ${size} bytes`;
  $("summary").className = `line ${response.ok ? "good" : "bad"}`;
}
