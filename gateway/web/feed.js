// The points of the visible box, as the gateway sends them: one WebSocket, binary messages.
//
// `src/out/points.rs` says how they are written.

const NAMES = 1;
const POINTS = 2;
const GONE = 3;
const STATE = 4;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
const DECODER = new TextDecoder();

/** Keeps a connection while the page is seen, and hands on what comes. */
export class Feed {
  /**
   * `onPoint(id, latitude, longitude, age)` for each point, its age in seconds; `onGone(id)` for one that has left the box or is
   * forgotten; `onState({ clients, sent, more })`; `onStart()` when what is known is about to be sent anew;
   * `onEnd()` when the connection is lost.
   */
  constructor(handlers) {
    this.handlers = handlers;
    this.names = new Map();
    this.pause = FIRST_PAUSE_MS;
    this.box = null;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
  }

  /** Wants the points of `[west, south, east, north]` from now on. */
  show(box) {
    this.box = box;
    if (this.socket?.readyState === WebSocket.OPEN) this.ask();
    else this.open();
  }

  ask() {
    this.socket.send(JSON.stringify({ box: this.box }));
  }

  open() {
    if (this.socket || !this.box || document.hidden) return;
    clearTimeout(this.timer);
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/points`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.names.clear();
      this.pause = FIRST_PAUSE_MS;
      this.handlers.onStart();
      this.ask();
    });
    socket.addEventListener("message", ({ data }) => this.read(new DataView(data)));
    socket.addEventListener("close", () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.handlers.onEnd();
      this.timer = setTimeout(() => this.open(), this.pause);
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE_MS);
    });
  }

  close() {
    const { socket } = this;
    this.socket = null;
    clearTimeout(this.timer);
    socket?.close();
  }

  read(view) {
    let at = 1;
    const u32 = () => view.getUint32((at += 4) - 4, true);
    const i32 = () => view.getInt32((at += 4) - 4, true);
    switch (view.getUint8(0)) {
      case NAMES:
        while (at < view.byteLength) {
          const handle = u32();
          const length = view.getUint16(at, true);
          this.names.set(handle, DECODER.decode(new Uint8Array(view.buffer, at + 2, length)));
          at += 2 + length;
        }
        break;
      case POINTS:
        while (at < view.byteLength) {
          const id = this.names.get(u32());
          this.handlers.onPoint(id, i32() / 1e7, i32() / 1e7, u32() / 10);
        }
        break;
      case GONE:
        while (at < view.byteLength) {
          const handle = u32();
          this.handlers.onGone(this.names.get(handle));
          this.names.delete(handle);
        }
        break;
      case STATE:
        this.handlers.onState({ clients: u32(), sent: u32(), more: view.getUint8(at) === 1 });
        break;
      default:
    }
  }
}
