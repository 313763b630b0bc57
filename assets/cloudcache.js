/* The little that a browser must do by itself: ages that count, the dialog's focus, one shortcut.
   The elements write their own text; React only gives them attributes. */

const moments = new Set();
let skew = 0; // server minus browser, in seconds

const unit = (seconds) =>
  seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min`
  : seconds < 86400 ? `${Math.floor(seconds / 3600)} h`
  : seconds < 172800 ? "1 day" : `${Math.floor(seconds / 86400)} days`;

/* English words and digits, as the page has, with the reader's own choice of 12 or 24 hours. */
const cycle = new Intl.DateTimeFormat([], { hour: "numeric" }).resolvedOptions().hourCycle ?? "h12";
const english = (options) => new Intl.DateTimeFormat("en-US", options);
const hoursFormat = english({ hour: cycle.startsWith("h2") ? "2-digit" : "numeric", minute: "2-digit", hourCycle: cycle });
const dayFormat = english({ weekday: "short" });
const hourOf = (time) => hoursFormat.format(time).replace("\u202f", "\u00a0");
const clockTime = (at) => {
  const time = new Date((at - skew) * 1000);
  return sameDay(time, new Date()) ? hourOf(time) : `${dayFormat.format(time)} ${hourOf(time)}`;
};

const sameDay = (one, other) => one.toDateString() === other.toDateString();
const timeOf = (at) => new Date((parseInt(at, 36) - skew) * 1000);
const longDayFormat = english({ weekday: "short", month: "short", day: "numeric" });
const dayName = (time) => {
  const now = new Date();
  if (sameDay(time, now)) return "Today";
  const before = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  return sameDay(time, before) ? "Yesterday" : longDayFormat.format(time);
};

class Day extends HTMLElement {
  static observedAttributes = ["at", "newer"];
  connectedCallback() { this.tick(); }
  attributeChangedCallback() { this.tick(); }
  tick() {
    const time = timeOf(this.getAttribute("at")), newer = timeOf(this.getAttribute("newer"));
    const isFirst = !sameDay(time, newer);
    this.textContent = isFirst && !Number.isNaN(time.getTime()) ? dayName(time) : "";
    if (this.textContent) { this.role = "heading"; this.ariaLevel = "2"; } else this.removeAttribute("role");
  }
}
customElements.define("cc-day", Day);

class Age extends HTMLElement {
  static observedAttributes = ["at", "says"];
  connectedCallback() { moments.add(this); this.tick(); }
  disconnectedCallback() { moments.delete(this); }
  attributeChangedCallback() { this.tick(); }
  tick() {
    const at = parseInt(this.getAttribute("at") || "", 36);
    const text = Number.isFinite(at) && at > 0 ? this.words(at) : "";
    if (this.textContent !== text) this.textContent = text;
  }
  words(at) {
    const past = Math.floor(Date.now() / 1000 + skew) - at;
    const says = this.getAttribute("says");
    if (says === "clock") return clockTime(at);
    if (says === "time") return hourOf(new Date((at - skew) * 1000));
    if (says === "in") return past < 0 ? `About ${unit(-past)}` : past < 10 ? "Any moment now" : "Waiting for Cloudflare";
    return past < 1 ? "just now" : `${unit(past)} ago`;
  }
}

class Clock extends HTMLElement {
  static observedAttributes = ["now"];
  attributeChangedCallback(name, before, now) {
    const seconds = parseInt(now || "", 36);
    if (!Number.isFinite(seconds)) return;
    skew = Math.round(seconds - Date.now() / 1000);
    for (const moment of moments) moment.tick();
  }
}

customElements.define("cc-age", Age);
customElements.define("cc-clock", Clock);
setInterval(() => { for (const moment of moments) moment.tick(); }, 1000);

/* A dialog in the page is one to open; its opener gets the focus back when it goes. */
let opener = null;
const openDialog = (dialog) => {
  opener = dialog.dataset.opener;
  dialog.showModal();
  dialog.querySelector("[data-safe]")?.focus();
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    dialog.querySelector("[data-safe]")?.click();
  });
};
const followDialog = () => {
  const dialog = document.querySelector("dialog[data-opener]");
  if (dialog && !dialog.open) openDialog(dialog);
  if (!dialog && opener) {
    document.getElementById(opener)?.focus();
    opener = null;
  }
};

/* A press can take away what was pressed. The focus then goes to the element it names, else to the pressed chip. */
let focused = null;
document.addEventListener("focusin", ({ target }) => { focused = target; });
document.addEventListener("pointerdown", () => { focused = null; }, true);
const isShown = (element) => Boolean(element?.isConnected) && element.getClientRects().length > 0;
const keepFocus = () => {
  const active = document.activeElement;
  if (!focused || isShown(focused) || (active && active !== document.body && active !== focused)) return;
  const next = [document.getElementById(focused.dataset.then), document.querySelector('.chip[aria-pressed="true"]')];
  focused = null;
  next.find(isShown)?.focus();
};

/* A name that was typed wrong is typed again: the focus goes back to its field. */
const focusWrong = (changes) => {
  const wrong = changes.find(({ attributeName, target }) =>
    attributeName === "aria-invalid" && target.getAttribute("aria-invalid") === "true" && target.closest("dialog"));
  wrong?.target.focus();
};

new MutationObserver((changes) => {
  followDialog();
  focusWrong(changes);
  keepFocus();
  showShortcut();
}).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["hidden", "aria-invalid"] });

/* While the socket is gone nothing is pressed or typed into the void: Reflex would send it much later, unseen.
   On the window, because that is before React's own listeners. */
const isLost = () => document.querySelector("[data-lost]") !== null;
const DEAD_WHILE_LOST = {
  click: ".switch, .chip, main button, dialog button",
  submit: "main form, dialog form",
  beforeinput: "#find",
};
const stopWhileLost = (event) => {
  if (!isLost() || !event.target.closest?.(DEAD_WHILE_LOST[event.type])) return;
  event.preventDefault();
  event.stopImmediatePropagation();
};
for (const type of Object.keys(DEAD_WHILE_LOST)) window.addEventListener(type, stopWhileLost, true);

/* Past the bar: the browser would scroll, but leave the focus where it was. */
document.addEventListener("click", (event) => {
  if (!event.target.closest(".skip")) return;
  event.preventDefault();
  const main = document.getElementById("main");
  main.focus({ preventScroll: true });
  main.scrollIntoView();
});

/* An explanation stands below the words that it explains, inside the window. */
document.addEventListener("toggle", (event) => {
  if (event.newState !== "open" || !event.target.matches(".why")) return;
  const words = document.querySelector(`[popovertarget="${event.target.id}"]`).getBoundingClientRect();
  const box = event.target.getBoundingClientRect();
  const below = words.bottom + 8;
  event.target.style.left = `${Math.max(16, Math.min(words.left, innerWidth - box.width - 16))}px`;
  event.target.style.top = `${below + box.height > innerHeight ? words.top - box.height - 8 : below}px`;
}, true);
addEventListener("scroll", () => document.querySelector(".why:popover-open")?.hidePopover(), { passive: true });

/* A press in the navigation that Shopify draws arrives at its link; our own link of that address goes there. */
document.addEventListener("shopify:navigate", (event) => {
  const named = event.target.closest?.("s-app-nav s-link");
  if (!named) return;
  event.preventDefault();
  document.querySelector(`.bar .tabs a[href="${CSS.escape(named.getAttribute("href"))}"]`)?.click();
});

/* The search field is what the rows are filtered by. A page that is opened again has an empty one, while the server
   still knows the former text: then the server is told what the field holds. */
class SearchSync extends HTMLElement {
  static observedAttributes = ["query"];
  connectedCallback() { setTimeout(() => this.compare()); }
  attributeChangedCallback() { setTimeout(() => this.compare()); }
  compare() {
    const field = document.getElementById("find");
    if (!field || !this.isConnected || field.value.trim() === (this.getAttribute("query") ?? "")) return;
    this.dispatchEvent(new CustomEvent("Text", { detail: field.value }));
  }
}
customElements.define("cc-search", SearchSync);

/* "/" goes to the search, unless somebody types or has switched it off; Escape empties the search. */
const remembered = (value) => {
  try {
    if (value !== undefined) localStorage.setItem("cloudcache-shortcut", value);
    return localStorage.getItem("cloudcache-shortcut") !== "off";
  } catch {
    return true;
  }
};
const typing = (element) => element.closest("input, textarea, select, [contenteditable]");
document.addEventListener("keydown", (event) => {
  const search = document.getElementById("find");
  if (!search) return;
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key === "/" && plain && !typing(event.target) && remembered()) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && event.target === search && search.value && !isLost()) {
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
    set.call(search, "");
    search.dispatchEvent(new Event("input", { bubbles: true }));
  }
});
document.addEventListener("change", (event) => {
  if (event.target.id !== "shortcut") return;
  remembered(event.target.checked ? "on" : "off");
  showShortcut();
});
/* The box and the hint beside the search say what is remembered; the page itself comes with both as if it were on. */
function showShortcut() {
  const box = document.getElementById("shortcut");
  if (!box) return;
  const isOn = remembered();
  if (box.checked !== isOn) box.checked = isOn;
  document.body.toggleAttribute("data-idle", !isOn);
}

/* Inside the admin: a fresh ID token over the socket every 40 s while the page is seen, and one with every write. */
const opened = location.href; // with the shop in it; pages reached from here have a bare address
let token = "";
const endsWithin = (seconds) => {
  try {
    const [, payload] = token.split(".");
    return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))).exp < Date.now() / 1000 + seconds;
  } catch {
    return true;
  }
};
const renew = async () => {
  const given = window.shopify?.idToken;
  const late = new Promise((resolve) => setTimeout(resolve, 8000, ""));
  token = given ? await Promise.race([given.call(window.shopify).catch(() => ""), late]) : "";
  return token;
};
window.ccToken = () => token;

class Session extends HTMLElement {
  static observedAttributes = ["gate"];
  connectedCallback() {
    this.seen = () => { if (!document.hidden) this.present(); };
    this.timer = setInterval(this.seen, 40000);
    document.addEventListener("visibilitychange", this.seen);
    this.present();
  }
  disconnectedCallback() {
    clearInterval(this.timer);
    clearInterval(this.retry);
    document.removeEventListener("visibilitychange", this.seen);
  }
  attributeChangedCallback(name, before, now) {
    if (now === "reload" && before !== now) location.replace(opened);
    clearInterval(this.retry);
    if (now === "unavailable") this.retry = setInterval(() => this.seen(), 5000);
  }
  async present() {
    const detail = await renew();
    this.dispatchEvent(new CustomEvent("Token", { detail }));
  }
}
customElements.define("cc-session", Session);

document.addEventListener("click", async (event) => {
  const control = event.target.closest(".switch, .slot button, [data-writes]");
  if (!control || !token || !endsWithin(5)) return;
  event.preventDefault();
  event.stopPropagation();
  await renew();
  if (token) control.click();
}, true);
