// Who is logged in, and who wants to know when that changes.
//
// The session itself is a cookie that scripts can not read: here is only what the server said about it.

import { ask, whenLoggedOut } from "./api.js";
import { LOG_IN, LOG_OUT, ME, SIGN_UP } from "./queries.js";

const changes = new EventTarget();

/** The most characters of a post, as the server said. */
export let postCharacters = 280;

/** Who is logged in, or null. */
export let me = null;

/** Asks the server who is logged in. */
export async function begin() {
  const answer = await ask(ME);
  postCharacters = answer.postCharacters;
  change(answer.me);
}

export async function logIn(name, password) {
  change((await ask(LOG_IN, { name, password })).logIn.user);
}

export async function signUp(name, password, displayName) {
  change((await ask(SIGN_UP, { name, password, displayName: displayName || null })).signUp.user);
}

export async function logOut() {
  await ask(LOG_OUT);
  change(null);
}

/** Takes over what was changed in the profile of who is logged in, who stays the same. */
export function renamed(user) {
  me = user;
  changes.dispatchEvent(new Event("rename"));
}

/** Calls the listener whenever somebody logs in or out. */
export function whenSessionChanges(listener) {
  changes.addEventListener("change", listener);
}

/** Calls the listener when a session has ended elsewhere, after those who hear of every change. */
export function whenSessionIsLost(listener) {
  changes.addEventListener("lost", listener);
}

/** Calls the listener when who is logged in calls themselves something else. */
export function whenRenamed(listener) {
  changes.addEventListener("rename", listener);
}

whenLoggedOut(() => {
  if (!me) return;
  change(null);
  changes.dispatchEvent(new Event("lost"));
});

function change(user) {
  me = user;
  changes.dispatchEvent(new Event("change"));
}
