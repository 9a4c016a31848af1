// Logging in and signing up.

import { field, h, markField } from "../dom.js";
import { showIn } from "../notices.js";
import { go } from "../router.js";
import { logIn, me, signUp } from "../session.js";

export function logInPage({ query }) {
  const name = nameField("username");
  const password = passwordField("current-password");
  return page({
    title: "Log in",
    fields: [field("Name", name), field("Password", password)],
    send: () => logIn(name.value.trim(), password.value),
    query,
    instead: h("p", { class: "quiet" }, "New here? ", h("a", { href: `/signup${suffix(query)}` }, "Sign up")),
  });
}

export function signUpPage({ query }) {
  const name = nameField("username");
  const displayName = h("input", { name: "displayName", autocomplete: "nickname" });
  const password = passwordField("new-password");
  return page({
    title: "Sign up",
    fields: [
      field("Name", name, "Up to 30 letters without accents, digits and underscores; others write it after an @."),
      field("Shown as (optional)", displayName),
      field("Password", password, "8 characters or more. There is no way back without it."),
    ],
    faulty: ({ code, message }) => {
      if (code === "CONFLICT" || message.startsWith("A name")) return name;
      if (message.startsWith("A password")) return password;
      return message.startsWith("A displayed name") ? displayName : null;
    },
    send: () => signUp(name.value.trim(), password.value, displayName.value.trim()),
    query,
    instead: h("p", { class: "quiet" }, "Been here before? ", h("a", { href: `/login${suffix(query)}` }, "Log in")),
  });
}

/** What a visitor sees where one has to be logged in. */
export function logInFirst(title) {
  return {
    title,
    content: [
      h("h1", null, title),
      h(
        "div",
        { class: "empty" },
        h("p", null, "This page is for those who are logged in."),
        h("p", null, h("a", { class: "button primary", href: `/login?then=${encodeURIComponent(location.pathname)}` }, "Log in")),
      ),
    ],
  };
}

/** A page with a form; `faulty` tells at which field an error belongs, if at one. */
function page({ title, fields, send, faulty, query, instead }) {
  const fault = h("div");
  const button = h("button", { class: "primary wide" }, title);
  const form = h("form", { class: "card stack", onsubmit: submit }, ...fields, fault, button, instead);
  if (me) {
    const words = h("div", { class: "empty" }, `You are logged in as @${me.name}.`);
    return { title, content: [h("h1", null, title), words] };
  }
  return { title, content: h("div", { class: "narrow list" }, h("h1", null, title), form) };

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    showIn(fault, null);
    for (const input of form.querySelectorAll("input")) markField(input, null);
    try {
      await send();
      go(ownAddress(query.get("then")) ?? "/feed", { replace: true });
    } catch (error) {
      button.disabled = false;
      const input = faulty?.(error);
      if (input) markField(input, error.message);
      else showIn(fault, error);
    }
  }
}

/** An address to go on to, if it is one of this client: a link may not lead people elsewhere. */
function ownAddress(then) {
  if (!then) return null;
  const url = new URL(then, location.origin);
  return url.origin === location.origin ? url.pathname + url.search : null;
}

function suffix(query) {
  const then = query.get("then");
  return then ? `?then=${encodeURIComponent(then)}` : "";
}

function nameField(autocomplete) {
  return h("input", { name: "name", autocomplete, autocapitalize: "none", spellcheck: "false", required: true });
}

function passwordField(autocomplete) {
  return h("input", { name: "password", type: "password", autocomplete, required: true });
}
