// Writing a post: the text with its length, and where it was written.

import { ask } from "./api.js";
import { fill, freshId, h } from "./dom.js";
import { icon } from "./icons.js";
import { placeName } from "./map/geo.js";
import { placeFields } from "./place_fields.js";
import { showIn } from "./notices.js";
import { WRITE } from "./queries.js";
import { postCharacters } from "./session.js";

/** A form for a post, or for an answer to the post `replyTo`; `onPosted` gets what was made. */
export function composer({ replyTo = null, label = "What is happening?", button = "Post", onPosted, signal }) {
  const textId = freshId("text");
  const text = h("textarea", { id: textId, name: "text", rows: "3", placeholder: label, oninput: showCount });
  const counter = h("span", { class: "composer__count" });
  const counterSpoken = h("span", { class: "hidden", "aria-live": "polite" });
  const submit = h("button", { class: "primary" }, button);
  const fault = h("div");
  const chip = h("span");
  const opener = h("button", { type: "button", class: "plain", "aria-expanded": "false", onclick: togglePlace }, icon("place"), "Place");
  const placeBox = h("div", { class: "composer__place", hidden: true });
  let position = null;
  let fields = null;

  const form = h(
    "form",
    { class: "card composer", onsubmit: send },
    h("label", { class: "hidden", for: textId }, label),
    text,
    placeBox,
    fault,
    h("div", { class: "composer__foot" }, opener, chip, counter, counterSpoken, submit),
  );
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  showCount();
  return { element: form, focus: () => text.focus() };

  function showCount() {
    const left = postCharacters - [...text.value.normalize("NFC").trim()].length;
    counter.textContent = String(left);
    counter.title = `${left} characters left`;
    counter.toggleAttribute("data-over", left < 0);
    const spoken = left < 0 ? `${-left} characters too many` : left <= 20 ? `${left} characters left` : "";
    if (counterSpoken.textContent !== spoken) counterSpoken.textContent = spoken;
    submit.disabled = left < 0 || text.value.trim() === "";
  }

  function togglePlace() {
    if (!fields) {
      fields = placeFields({ label: "Where you write this", onChange: setPosition, signal });
      placeBox.append(fields.element);
    }
    placeBox.hidden = !placeBox.hidden;
    opener.setAttribute("aria-expanded", String(!placeBox.hidden));
  }

  function setPosition(point) {
    position = point;
    fill(
      chip,
      point &&
        h(
          "span",
          { class: "chip" },
          placeName(point),
          h("button", { type: "button", "aria-label": "Remove the place", onclick: () => fields.set(null) }, icon("close")),
        ),
    );
  }

  async function send(event) {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    showIn(fault, null);
    try {
      const { post } = await ask(WRITE, { text: text.value, position, replyTo });
      text.value = "";
      fields?.set(null);
      if (!placeBox.hidden) togglePlace();
      onPosted(post);
    } catch (error) {
      showIn(fault, error);
    }
    showCount();
  }
}
