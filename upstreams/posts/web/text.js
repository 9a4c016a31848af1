// The text of a post as nodes: #hashtags, @names and web addresses become links, the rest stays text.
//
// What counts as one is decided by the server (`src/text.rs`), which finds posts by it; this agrees with it.

import { h } from "./dom.js";

const WORD =
  "\\p{L}\\p{M}\\p{N}_\\u200c\\u200d\\ua67e\\u05be\\u05f3\\u05f4\\uff5e\\u301c\\u309b\\u309c\\u30a0\\u30fb\\u3003\\u0f0b\\u0f0c\\u00b7";
const ACCENTED =
  "\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u024f\\u0253\\u0254\\u0256\\u0257\\u0259\\u025b\\u0263\\u0268\\u026f\\u0272\\u0289\\u02bb\\u0300-\\u036f\\u1e00-\\u1eff";
const CYRILLIC = "\\u0400-\\u04ff";

// What looks like the end of an address, `x.org/#kiwi`, is part of it.
const TAG = `(?<=^|[\\ufe0e\\ufe0f]|[^&${WORD}])(?<!\\S*\\.\\S*/)[#＃](?![\\ufe0f\\u20e3])(?<tag>[${WORD}]{1,100})(?![${WORD}#＃]|://)`;
const NAME = `(?<=^|[^A-Za-z0-9_!#$%&*@＠]|(?:^|[^A-Za-z0-9_+~.\\-])[Rr][Tt])[@＠](?<name>[A-Za-z0-9_]{1,30})(?![A-Za-z0-9_@＠${ACCENTED}]|://)`;
const LABEL = "[^\\s\\p{Cc}\\p{Cf}\\p{P}\\p{Z}!-,./:-@\\[-^`{-~][^\\s\\p{Cc}\\p{Cf}!-,./:-@\\[-^`{-~]*";
const URL = `(?<![A-Za-z0-9@＠$#＃])(?<url>[Hh][Tt][Tt][Pp][Ss]?://(?<host>${LABEL}(?:\\.${LABEL})+)(?::\\d+)?(?:[/?][A-Za-z0-9!*';:=+,.$/%#[\\]\\-–_~@|&()?${ACCENTED}${CYRILLIC}]*)?)`;
const LINK = new RegExp(`${TAG}|${NAME}|${URL}`, "gu");
const MAX_HOST_BYTES = 253;
const LETTER = /[\p{L}\p{M}]/u;
const PATH_END = new RegExp(`[A-Za-z0-9=_#/+\\-&${ACCENTED}${CYRILLIC}]$`, "u");

/** The nodes of a text. */
export function linked(text) {
  const nodes = [];
  let end = 0;
  for (const { index, shown, href } of links(text)) {
    if (index > end) nodes.push(text.slice(end, index));
    const isOurs = href.startsWith("/");
    nodes.push(h("a", isOurs ? { href } : { href, rel: "noopener noreferrer nofollow", target: "_blank" }, shown));
    end = index + shown.length;
  }
  if (end < text.length) nodes.push(text.slice(end));
  return nodes;
}

/** What in a text is a link, where it stands, and where it leads. */
export function links(text) {
  const found = [];
  LINK.lastIndex = 0;
  for (let match = LINK.exec(text); match; match = LINK.exec(text)) {
    const { tag, name, url } = match.groups;
    const index = match.index;
    if (tag && LETTER.test(tag)) found.push({ index, shown: match[0], href: `/tag/${encodeURIComponent(tag)}` });
    else if (name) found.push({ index, shown: match[0], href: `/@${name}` });
    else if (url) {
      const shown = address(url, match.groups.host);
      // Behind a scheme with no host something else may begin.
      LINK.lastIndex = index + (shown ? shown.length : 4);
      if (shown) found.push({ index, shown, href: shown });
    }
  }
  return found;
}

/** The part of what looks like an address that is one; nothing where there is no host. */
function address(text, host) {
  const labels = host.split(".");
  // Behind the last label something else may follow at once: `example.comだよ`.
  const last = labels.findIndex((label, n) => n > 0 && /^[A-Za-z]{2,}[^\0-\x7f]/.test(label));
  const isCut = last > 0;
  if (isCut) labels.splice(last, Infinity, /^[A-Za-z]+/.exec(labels[last])[0]);
  const top = labels.at(-1);
  const isHost =
    (/^\p{Alphabetic}+$/u.test(top) || /^xn--[A-Za-z0-9]*$/.test(top)) &&
    !labels.at(-2).includes("_") &&
    labels.every((label) => !/^[-_]|[-_]$/.test(label) && !/^xn--.*[^\0-\x7f]/.test(label));
  if (!isHost) return null;
  if (new TextEncoder().encode(labels.join(".")).length > MAX_HOST_BYTES) return null;
  const scheme = text.slice(0, text.indexOf("//") + 2);
  if (isCut) return scheme + labels.join(".");
  const before = /^[^:]*:\/\/[^/?]*/.exec(text)[0];
  return before + path(text.slice(before.length));
}

/** A full stop behind an address belongs to the sentence, and so does a bracket that it did not open. */
function path(all) {
  let kept = all;
  const opened = all.split("(").length;
  while (kept && !PATH_END.test(kept)) {
    if (kept.endsWith(")") && kept.split(")").length <= opened) break;
    kept = kept.slice(0, -1);
  }
  return kept;
}
