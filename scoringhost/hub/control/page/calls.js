/** What has come of calls, as numbers: `series` is what the control API says of ten minutes, slot by slot. */
const MINUTE_S = 60;

const sum = (values) => values.reduce((one, other) => one + other, 0);

/** The last minute: requests a second, the share of them that were errors, and the times of the last slot with calls. */
export function lastMinute(series, slotS) {
  if (!series) return null;
  const last = (values) => values.slice(-MINUTE_S / slotS);
  const requests = sum(last(series.requests));
  const [refused, failed] = [sum(last(series.refused)), sum(last(series.failed))];
  const latest = (values) => last(values).findLast((value) => value !== null) ?? null;
  return {
    requests,
    rate: requests / MINUTE_S,
    failed,
    errors: requests ? (refused + failed) / requests : 0,
    p50: latest(series.p50_ms),
    p99: latest(series.p99_ms),
  };
}

/** Counts of slots as so many a second. */
export const perSecond = (counts, slotS) => counts.map((count) => count / slotS);

/** Whether there was any call in all of it. */
export const hasCalls = (series) => Boolean(series) && series.requests.some((count) => count > 0);

/** The last slots of each list of a series. */
export function lastSlots(series, slots) {
  return Object.fromEntries(Object.entries(series).map(([name, values]) => [name, values.slice(-slots)]));
}
