// Moments as people read them: "3 min" ago, and in full when pointed at.

import { h } from "./dom.js";

const MINUTE_MS = 60_000;

/** A `<time>` that keeps itself up to date while it is shown. */
export function ago(rfc3339) {
  const moment = new Date(rfc3339);
  const full = moment.toLocaleString("en", { dateStyle: "long", timeStyle: "short" });
  return h("time", { datetime: rfc3339, title: full, "data-ago": true }, words(moment));
}

/** The moment in full. */
export function inFull(rfc3339) {
  const words = new Date(rfc3339).toLocaleString("en", { dateStyle: "long", timeStyle: "short" });
  return h("time", { datetime: rfc3339 }, words);
}

/** "March 2026". */
export function month(rfc3339) {
  return new Date(rfc3339).toLocaleString("en", { month: "long", year: "numeric" });
}

function words(moment) {
  const passedMs = Date.now() - moment;
  if (passedMs < MINUTE_MS) return "now";
  if (passedMs < 60 * MINUTE_MS) return `${Math.floor(passedMs / MINUTE_MS)} min`;
  if (passedMs < 24 * 60 * MINUTE_MS) return `${Math.floor(passedMs / MINUTE_MS / 60)} h`;
  const isThisYear = moment.getFullYear() === new Date().getFullYear();
  return moment.toLocaleString("en", { month: "short", day: "numeric", year: isThisYear ? undefined : "numeric" });
}

setInterval(() => {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    time.textContent = words(new Date(time.dateTime));
  }
}, MINUTE_MS);
