/* Notices a socket that is open but silent, and presses that the server does not acknowledge.

   After a laptop wakes up or a network changes, a socket may stay open while nothing passes through it, and the
   library's own limit is two minutes. The server's greeting says how often it sends something. When that is four
   seconds overdue, or a press has waited five, the socket counts as lost: Reflex opens another and loads the page
   anew, and each press is sent once more under its own request ID, by which the server knows it again. */
const GRACE_MS = 4000;
const SHOW_SENDING_AFTER_MS = 500;
const ACKNOWLEDGED_WITHIN_MS = 5000;

const sockets = new Set();

class WatchedSocket extends window.WebSocket {
  constructor(address, protocols) {
    super(address, protocols);
    if (!String(address).includes("/_event")) return;
    this.heardAt = Date.now();
    this.silentAfterMs = Infinity;
    this.addEventListener("message", (event) => {
      const { data } = event;
      this.heardAt = Date.now();
      if (typeof data !== "string") return;
      this.noteVersion(event);
      if (!data.startsWith("0{")) return;
      const every = JSON.parse(data.slice(1)).pingInterval;
      if (every > 0) this.silentAfterMs = every + GRACE_MS;
    });
    this.addEventListener("close", () => sockets.delete(this));
    sockets.add(this);
  }
  /* A server of another version says so first. Nothing else that comes from it reaches this page, which would lose what
     is open and typed: `release.js` has the page loaded anew. */
  noteVersion(event) {
    if (!event.data.startsWith("42/_event,")) return;
    this.isOfAnotherVersion ||= event.data.startsWith('42/_event,["state_mismatch"');
    if (this.isOfAnotherVersion) {
      event.stopImmediatePropagation();
      window.ccRelease.begin();
    } else {
      window.ccRelease.end(event.data.includes('"is_hydrated_rx_state_":true'));
    }
  }
  get isSilent() {
    return Date.now() - this.heardAt > this.silentAfterMs;
  }
  /* The browser's own close waits for the other side, which does not answer. */
  drop() {
    sockets.delete(this);
    this.dispatchEvent(new CloseEvent("close", { code: 1006, reason: "silent" }));
    this.close();
  }
}
window.WebSocket = WatchedSocket;

/* ---- presses ---- */
const presses = new Map(); // request ID -> press, the oldest first
const repeated = new Map(); // what is pressed -> the request ID of the press that is sent again

const newRequest = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/* Called with each press: its request ID. `wanted` is the position a switch was pressed to, else null. */
window.ccPress = (control, wanted) => {
  const known = repeated.get(control);
  if (known) return known;
  const request = newRequest();
  presses.set(request, { request, control, wanted, at: Date.now(), isDropped: false });
  return request;
};

/* Presses that were not acknowledged live on when the page is loaded anew: they are pressed again by then. */
window.ccHeldPresses = () => [...presses.values()];
window.ccPressAgain = (held) => {
  for (const press of held) presses.set(press.request, press);
};

const tell = () => {
  const now = Date.now();
  const newest = new Map([...presses.values()].map((press) => [press.control.split("-").pop(), press]));
  for (const element of document.querySelectorAll("cc-unsent")) element.show(newest.get(element.getAttribute("toggle")), now);
};

const acknowledge = (request) => {
  if (!presses.has(request)) return;
  for (const known of [...presses.keys()]) {
    presses.delete(known);
    if (known === request) break;
  }
  tell();
};

/* The page was loaded over a new socket: what was not acknowledged is pressed again, unless it is so already. */
const repeat = () => {
  for (const press of [...presses.values()]) {
    const control = document.getElementById(press.control);
    const isDone = press.wanted !== null && control?.getAttribute("aria-checked") === String(press.wanted);
    if (!control || isDone || control.getAttribute("aria-disabled") === "true") {
      presses.delete(press.request);
      continue;
    }
    repeated.set(press.control, press.request);
    press.at = Date.now();
    control.click();
    repeated.delete(press.control);
  }
  tell();
};

class Presses extends HTMLElement {
  static observedAttributes = ["acknowledged", "loaded"];
  attributeChangedCallback(name, before, now) {
    if (!now || now === before) return;
    if (name === "acknowledged") acknowledge(now);
    else setTimeout(repeat); // once React has written the whole page
  }
}

class Unsent extends HTMLElement {
  show(press, now) {
    const waited = press ? now - press.at : 0;
    const name = waited >= ACKNOWLEDGED_WITHIN_MS ? "unsent" : waited >= SHOW_SENDING_AFTER_MS ? "sending" : "";
    const text = (name && this.getAttribute(name)) || "";
    if (this.textContent !== text) this.textContent = text;
  }
}
customElements.define("cc-presses", Presses);
customElements.define("cc-unsent", Unsent);

const watch = () => {
  const now = Date.now();
  const late = [...presses.values()].filter((press) => !press.isDropped && now - press.at >= ACKNOWLEDGED_WITHIN_MS);
  for (const press of late) press.isDropped = true;
  for (const socket of [...sockets]) if (socket.isSilent || late.length) socket.drop();
  tell();
};
setInterval(watch, 500);
document.addEventListener("visibilitychange", watch); // a tab that slept looks at once
