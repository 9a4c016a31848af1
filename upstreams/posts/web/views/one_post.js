// A post, what it answers, where it was written, and what was answered to it.

import { ask } from "../api.js";
import { composer } from "../composer.js";
import { fill, h } from "../dom.js";
import { pagedList } from "../list.js";
import { WorldMap } from "../map/map.js";
import { problem } from "../notices.js";
import { loginHere, postCard } from "../post.js";
import { ONE_POST, REPLIES } from "../queries.js";
import { go } from "../router.js";
import { me } from "../session.js";
import { notFoundContent } from "./nothing.js";

export function onePost({ params: [id], signal }) {
  const content = h("div", { class: "list" });
  load();
  return { title: "Post", content: [h("h1", null, "Post"), content] };

  async function load() {
    fill(content, h("p", { class: "quiet" }, "Loading …"));
    try {
      const { post } = await ask(ONE_POST, { id }, { signal });
      show(post);
    } catch (error) {
      if (error.code === "INVALID" || error.code === "NOT_FOUND") show(null);
      else if (!signal.aborted) fill(content, problem(error, load));
    }
  }

  function show(found) {
    if (!found) {
      fill(content, notFoundContent("There is no such post", "It may have been deleted, or it is hidden from you.").slice(1));
      return;
    }
    const post = found.repostOf ?? found;
    const replies = pagedList({
      load: async (after, signal) => (await ask(REPLIES, { id: post.id, after }, { signal })).post?.page,
      card: postCard,
      empty: "No replies yet.",
      signal,
    });
    const reply = me && composer({
      replyTo: post.id,
      label: `Reply to @${post.author.name}`,
      button: "Reply",
      onPosted: (reply) => replies.add(reply, "append"),
      signal,
    });
    const above = h("div");
    fill(
      content,
      above,
      postCard(post, { isMain: true, onDeleted: () => go("/", { replace: true }) }),
      post.position && mapOf(post),
      h("div", { id: "reply", tabindex: "-1" }, reply ? reply.element : logInToReply()),
      h("h2", null, "Replies"),
      replies.element,
    );
    if (post.replyTo) showAnswered(above, post.replyTo.id);
    if (location.hash === "#reply") reply?.focus();
  }

  async function showAnswered(place, answeredId) {
    try {
      const { post } = await ask(ONE_POST, { id: answeredId }, { signal });
      if (post) fill(place, postCard(post));
    } catch {
      // The post itself is shown; its line says whom it answers.
    }
  }

  function mapOf(post) {
    const map = new WorldMap({ label: "Where this was written", height: "low", signal });
    map.setMarker(post.position);
    map.showPoint(post.position, 5);
    return map.element;
  }
}

function logInToReply() {
  return h("p", { class: "quiet" }, h("a", { href: loginHere() }, "Log in"), " to reply.");
}
