// New posts as they are written, over one WebSocket with the protocol graphql-transport-ws.
//
// A connection that breaks is made again, later each time it fails; whoever listens is told, so as to look
// for what came meanwhile. Logging in or out makes a new connection, which is the one that has the cookie.

import { whenSessionChanges } from "./session.js";

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;

/** How long the connection may be away before whoever listens is told: most come back at once. */
const PATIENCE_MS = 3000;

/** What is listened to, by the id on the wire. */
const subscriptions = new Map();
let lastId = 0;
let socket = null;
let isReady = false;
let retryMs = FIRST_RETRY_MS;
let retryTimer = null;
let awayTimer = null;
let isAway = false;

/**
 * Runs a subscription until the signal aborts.
 *
 * `next` gets the data of each event; `resumed` is called when the connection had been away; `stopped` is told whether
 * nothing comes any more, and again when it does.
 */
export function subscribe(query, variables, { next, resumed, stopped, signal }) {
  const id = String((lastId += 1));
  subscriptions.set(id, { query, variables, next, resumed, stopped });
  if (isAway) stopped?.(true);
  signal.addEventListener("abort", () => {
    subscriptions.delete(id);
    if (isReady) send({ id, type: "complete" });
    if (subscriptions.size === 0) close();
  });
  if (isReady) start(id);
  else connect();
}

whenSessionChanges(() => {
  close();
  if (subscriptions.size > 0) connect();
});

// The browser knows before the connection does.
addEventListener("offline", () => {
  if (!socket) return;
  const connection = socket;
  lost();
  connection.close();
});
addEventListener("online", () => {
  if (isReady) return;
  const attempt = socket;
  socket = null;
  attempt?.close();
  connect();
});

function connect() {
  if (socket || subscriptions.size === 0) return;
  clearTimeout(retryTimer);
  const url = new URL("/graphql", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const connection = new WebSocket(url, "graphql-transport-ws");
  socket = connection;
  connection.onopen = () => send({ type: "connection_init" });
  connection.onmessage = ({ data }) => {
    if (connection === socket) heard(JSON.parse(data));
  };
  connection.onclose = () => {
    if (connection === socket) lost();
  };
}

function heard(message) {
  switch (message.type) {
    case "connection_ack": {
      const wasAway = retryMs !== FIRST_RETRY_MS;
      isReady = true;
      retryMs = FIRST_RETRY_MS;
      setAway(false);
      for (const [id, { resumed }] of subscriptions) {
        start(id);
        if (wasAway) resumed?.();
      }
      return;
    }
    case "ping":
      return send({ type: "pong" });
    case "next":
      if (message.payload.data) subscriptions.get(message.id)?.next(message.payload.data);
      return;
    case "error":
    case "complete":
      // Nobody asked for that: the session has ended, say.
      subscriptions.get(message.id)?.stopped?.(true);
      subscriptions.delete(message.id);
  }
}

function setAway(value) {
  clearTimeout(awayTimer);
  awayTimer = null;
  if (isAway === value) return;
  isAway = value;
  for (const { stopped } of subscriptions.values()) stopped?.(value);
}

function lost() {
  socket = null;
  isReady = false;
  awayTimer ??= setTimeout(() => setAway(true), PATIENCE_MS);
  retryTimer = setTimeout(connect, retryMs * (0.75 + Math.random() / 2));
  retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
}

function close() {
  clearTimeout(retryTimer);
  const connection = socket;
  socket = null;
  isReady = false;
  // One that is still being made would complain if it were closed now.
  if (connection?.readyState === WebSocket.CONNECTING) connection.onopen = () => connection.close(1000);
  else connection?.close(1000);
}

function start(id) {
  const { query, variables } = subscriptions.get(id);
  send({ id, type: "subscribe", payload: { query, variables } });
}

function send(message) {
  socket.send(JSON.stringify(message));
}
