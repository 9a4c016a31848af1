// Elements, made without ever parsing HTML: what somebody wrote can only become text.

/**
 * An element with attributes, listeners (`onclick` and the like) and children.
 *
 * An attribute that is true is there, one that is false, null or undefined is not; so with children.
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...some(children));
  return element;
}

/** Puts these children, of which some may be missing, into the element in place of what was there. */
export function fill(element, ...children) {
  element.replaceChildren(...some(children));
  return element;
}

function some(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** A number that is never used twice, for ids that tie labels to fields. */
export function freshId(prefix) {
  freshId.last = (freshId.last ?? 0) + 1;
  return `${prefix}-${freshId.last}`;
}

/** A labelled field: `input` gets the id, and the hint, if any, as its description. */
export function field(label, input, hint) {
  input.id ||= freshId("field");
  const hintId = hint && `${input.id}-hint`;
  if (hint) input.setAttribute("aria-describedby", hintId);
  return h(
    "div",
    { class: "field" },
    h("label", { for: input.id }, label),
    input,
    hint && h("span", { class: "hint", id: hintId }, hint),
  );
}

/** Says at a field what is wrong with it and leads there, or takes that back. */
export function markField(input, words) {
  const faultId = `${input.id}-fault`;
  document.getElementById(faultId)?.remove();
  const others = (input.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== faultId);
  const described = words ? [...others, faultId] : others;
  if (described.length > 0) input.setAttribute("aria-describedby", described.join(" "));
  else input.removeAttribute("aria-describedby");
  if (!words) return input.removeAttribute("aria-invalid");
  input.setAttribute("aria-invalid", "true");
  input.after(h("span", { class: "field__fault", id: faultId, role: "alert" }, words));
  input.focus();
}

/** "1 post", "2 posts", "12,345 posts". */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
