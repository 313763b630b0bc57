/* A page that was built by another version of the program than the server it is connected to.

   Reflex would reload at once, whatever is typed, and put up a banner of its own when that was not enough. Here the
   page says so, waits until every server it reaches has the new version and no dialog or secret is open, and is loaded
   anew once. What is typed and what is pressed comes along; secrets are never stored. */
const LOOKS = 3; // in a row, at servers that have another version: during a release there are old and new ones
const LOOK_EVERY_MS = 1000;
const RELOADED_FOR_MS = 5 * 60 * 1000;
const KEPT_FOR_MS = 60 * 1000;
const RESTORED_WITHIN_MS = 20 * 1000;
const RELOADED_AT = "cloudcache_reloaded_at";
const KEPT = "cloudcache_kept";

let current = null; // the release that this page waits for

const say = (name) => {
  for (const element of document.querySelectorAll("cc-release")) element.show(name);
};

const builtScript = () => document.querySelector('link[href*="/assets/manifest-"]')?.href;

const isReplaced = async (script) => {
  try {
    return (await fetch(script, { method: "HEAD", cache: "no-store" })).status === 404;
  } catch {
    return false;
  }
};

const fields = () => [...document.querySelectorAll("input[id], textarea[id]")];

const isBusy = () =>
  document.querySelector("dialog[open]") !== null ||
  fields().some((field) => field.type === "password" && field.value !== "");

const wasReloaded = () => Date.now() - (Number(sessionStorage.getItem(RELOADED_AT)) || 0) < RELOADED_FOR_MS;

const reload = () => {
  const typed = fields()
    .filter((field) => ["text", "search", "email", "textarea"].includes(field.type) && field.value !== field.defaultValue)
    .map((field) => ({
      id: field.id,
      value: field.value,
      cursor: field === document.activeElement ? field.selectionStart : null,
    }));
  sessionStorage.setItem(KEPT, JSON.stringify({ path: location.pathname, at: Date.now(), typed, presses: window.ccHeldPresses() }));
  sessionStorage.setItem(RELOADED_AT, String(Date.now()));
  location.reload();
};

let isLoaded = false; // before that, what is typed would reach no state

/* Called with each message of a server of another version, and with each of one of this version. */
window.ccRelease = {
  async begin() {
    const script = builtScript();
    if (current || !script) return;
    const mine = (current = {});
    for (let looks = 0; current === mine; ) {
      const isHeldUp = isBusy() || wasReloaded();
      say(isHeldUp ? "waiting" : "reloading");
      looks = (await isReplaced(script)) ? looks + 1 : 0;
      if (current === mine && looks >= LOOKS && !isHeldUp && !isBusy()) return reload();
      await new Promise((done) => setTimeout(done, LOOK_EVERY_MS * (0.5 + Math.random())));
    }
  },
  end(hasLoaded) {
    isLoaded ||= hasLoaded;
    if (!current) return;
    current = null;
    say("");
  },
};

/* React writes a field's value itself, and takes no notice of one that is merely assigned. */
const isReady = (field) => field && Object.keys(field).some((key) => key.startsWith("__reactProps"));

const write = (field, { value, cursor }) => {
  if (field.value !== field.defaultValue) return; // something else is typed by now
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set.call(field, value);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  if (cursor === null) return;
  field.focus();
  field.setSelectionRange(cursor, cursor);
};

const restore = ({ typed }) => {
  const until = Date.now() + RESTORED_WITHIN_MS;
  let left = typed;
  const timer = setInterval(() => {
    left = left.filter((one) => {
      const field = document.getElementById(one.id);
      if (!isLoaded || !isReady(field)) return true;
      write(field, one);
      return false;
    });
    if (left.length === 0 || Date.now() > until) clearInterval(timer);
  }, 100);
};

const text = sessionStorage.getItem(KEPT);
if (text) {
  sessionStorage.removeItem(KEPT);
  const kept = JSON.parse(text);
  if (kept.path === location.pathname && Date.now() - kept.at < KEPT_FOR_MS) {
    window.ccPressAgain(kept.presses);
    restore(kept);
  }
}

class Release extends HTMLElement {
  show(name) {
    if (this.dataset.says === name) return;
    this.dataset.says = name;
    this.toggleAttribute("data-lost", name !== ""); // nothing is pressed meanwhile, as without a socket
    const sentence = document.createElement("span");
    sentence.textContent = (name && this.getAttribute(name)) || "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn";
    button.textContent = this.getAttribute("now");
    button.addEventListener("click", reload);
    this.replaceChildren(...(name ? [sentence, button] : []));
  }
}
customElements.define("cc-release", Release);
