// What went wrong or right: a box in the page, a line at the foot of the window, a question before harm.

import { fill, h } from "./dom.js";

const TOAST_MS = 6000;

/** A box that says what went wrong, with a button to try again where that can help. */
export function problem(error, retry) {
  return h(
    "div",
    { class: "notice notice--bad", role: "alert" },
    h("p", null, h("strong", null, title(error))),
    h("p", null, detail(error)),
    retry && h("button", { type: "button", onclick: retry }, "Try again"),
  );
}

/** A line that goes away by itself. */
export function toast(...content) {
  const line = h("div", { class: "toast" }, ...content);
  document.getElementById("toasts").append(line);
  setTimeout(() => line.remove(), TOAST_MS);
}

/** What went wrong, as a line that goes away. */
export function toastProblem(error) {
  toast(detail(error));
}

/** Asks before something that can not be undone; gives whether it is wanted. */
export function confirmed(question, yes) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { "aria-label": question, onclose: () => end(dialog.returnValue === "yes") },
      h(
        "form",
        { method: "dialog" },
        h("h2", null, question),
        h(
          "div",
          { class: "buttons" },
          h("button", { value: "no", autofocus: true }, "Cancel"),
          h("button", { value: "yes", class: "danger" }, yes),
        ),
      ),
    );
    function end(answer) {
      dialog.remove();
      resolve(answer);
    }
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Fills the place kept for a form's error, or empties it. */
export function showIn(place, error) {
  fill(place, error && problem(error));
}

function title({ code }) {
  switch (code) {
    case "NETWORK":
      return "No connection";
    case "TOO_MANY":
      return "Slow down";
    case "UNAVAILABLE":
      return "Not available now";
    case "UNAUTHENTICATED":
      return "Not logged in";
    case "NOT_FOUND":
      return "Not found";
    default:
      return "That did not work";
  }
}

function detail({ message, retryAfterS }) {
  return retryAfterS ? `${message} It may work in ${retryAfterS} s.` : message;
}
