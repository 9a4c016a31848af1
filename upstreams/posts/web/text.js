// The text of a post as nodes: #hashtags, @names and web addresses become links, the rest stays text.
//
// What counts as one is decided by the server (`src/text.rs`), which finds posts by it; this agrees with it.

import { h } from "./dom.js";

const WORD = "\\p{Alphabetic}\\p{N}\\p{M}_\\u200c\\u200d";
const TAG = `(?<![${WORD}&/])[#＃](?<tag>(?=[${WORD}]*\\p{Alphabetic})[${WORD}]{1,100})(?![${WORD}#＃])`;
const NAME = `(?<![${WORD}!#$%&*@＠])[@＠](?<name>[A-Za-z0-9_]{1,30})(?![${WORD}@＠])`;
const URL = '(?<![\\p{Alphabetic}\\p{N}])(?<url>https?://(?=[\\p{Alphabetic}\\p{N}])[^\\s\\p{Cc}<>"“”「」。、，]+)';
const LINK = new RegExp(`${TAG}|${NAME}|${URL}`, "giu");

/** The nodes of a text. */
export function linked(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const { tag, name, url } = match.groups;
    const shown = url ? withoutPunctuation(url) : match[0];
    if (match.index > end) nodes.push(text.slice(end, match.index));
    if (tag) nodes.push(h("a", { href: `/tag/${encodeURIComponent(tag)}` }, shown));
    else if (name) nodes.push(h("a", { href: `/@${name}` }, shown));
    else nodes.push(h("a", { href: shown, rel: "noopener noreferrer nofollow", target: "_blank" }, shown));
    end = match.index + shown.length;
  }
  if (end < text.length) nodes.push(text.slice(end));
  return nodes;
}

/** A full stop behind an address belongs to the sentence, and so does a bracket that it did not open. */
function withoutPunctuation(url) {
  const kept = url.replace(/[.,;:!?'…]+$/, "");
  const isOurs = !kept.endsWith(")") || kept.split(")").length <= kept.split("(").length;
  return isOurs ? kept : withoutPunctuation(kept.slice(0, -1));
}
