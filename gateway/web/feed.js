// The stream of positions: what the gateway sends for the part of the earth that is in view.
//
// A connection that ends is opened again, after a pause that grows. The frames are described in
// `docs/gateway.md`; all numbers in them are little-endian.

const NAMES = 1;
const POINTS = 2;
const GONE = 3;
const STATE = 4;

const DEGREES = 1e-7;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 15_000;

/** What the gateway says of the clients in view; `handler` gets what it sends as calls. */
export class Feed {
  /**
   * `handler` has `onNames(handle, id)`, `onPoint(handle, latitude, longitude, ageMs)`, `onGone(handle)`,
   * `onTotal(clients, sent, hasMore)` with how many the herd has, how many of them are sent, and whether there
   * are more in the box, `onFrame(bytes)` after each frame, and `onState(isOpen)`.
   */
  constructor(handler) {
    this.handler = handler;
    this.view = null;
    this.pauseMs = FIRST_PAUSE_MS;
    this.open();
    document.addEventListener("visibilitychange", () => (document.hidden ? this.socket?.close() : this.open()));
  }

  /** Asks for the clients in this box: west, south, east, north. */
  look(box) {
    this.view = { box };
    this.say();
  }

  /** Connects, unless there is a connection or nobody looks. */
  open() {
    if (this.isOpening || this.socket || document.hidden) return;
    this.isOpening = true;
    const url = new URL("/v1/points", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.isOpening = false;
      this.socket = socket;
      this.handler.onState(true);
      this.say();
    });
    socket.addEventListener("message", ({ data }) => {
      // A connection is good once something came over it, not once it is open.
      this.pauseMs = FIRST_PAUSE_MS;
      if (data instanceof ArrayBuffer) this.read(new DataView(data));
    });
    socket.addEventListener("close", () => {
      this.isOpening = false;
      this.socket = null;
      this.handler.onState(false);
      setTimeout(() => this.open(), this.pauseMs * (0.5 + Math.random() / 2));
      this.pauseMs = Math.min(LAST_PAUSE_MS, this.pauseMs * 2);
    });
  }

  say() {
    if (!this.socket || !this.view) return;
    this.socket.send(JSON.stringify(this.view));
  }

  read(frame) {
    const kind = frame.getUint8(0);
    if (kind === NAMES) this.readNames(frame);
    else if (kind === POINTS) this.readPoints(frame);
    else if (kind === GONE) {
      for (let at = 1; at + 4 <= frame.byteLength; at += 4) this.handler.onGone(frame.getUint32(at, true));
    } else if (kind === STATE) {
      this.handler.onTotal(frame.getUint32(1, true), frame.getUint32(5, true), frame.getUint8(9) === 1);
    }
    this.handler.onFrame(frame.byteLength);
  }

  readNames(frame) {
    const text = new TextDecoder();
    for (let at = 1; at + 6 <= frame.byteLength; ) {
      const length = frame.getUint16(at + 4, true);
      const bytes = new Uint8Array(frame.buffer, frame.byteOffset + at + 6, length);
      this.handler.onNames(frame.getUint32(at, true), text.decode(bytes));
      at += 6 + length;
    }
  }

  readPoints(frame) {
    for (let at = 1; at + 16 <= frame.byteLength; at += 16) {
      this.handler.onPoint(
        frame.getUint32(at, true),
        frame.getInt32(at + 4, true) * DEGREES,
        frame.getInt32(at + 8, true) * DEGREES,
        frame.getUint32(at + 12, true),
      );
    }
  }
}
