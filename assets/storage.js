/* Where a browser forbids storage in frames, reading it throws and the page would stay dead: memory stands in. */
for (const name of ["sessionStorage", "localStorage"]) {
  try {
    window[name].getItem("");
  } catch {
    const held = new Map();
    Object.defineProperty(window, name, {
      configurable: true,
      value: {
        getItem: (key) => (held.has(String(key)) ? held.get(String(key)) : null),
        setItem: (key, value) => { held.set(String(key), String(value)); },
        removeItem: (key) => { held.delete(String(key)); },
        clear: () => held.clear(),
        key: (at) => [...held.keys()][at] ?? null,
        get length() { return held.size; },
      },
    });
  }
}

/* Shopify refuses a dark page inside its admin, and draws the navigation itself. */
if (window.top !== window.self) {
  document.documentElement.dataset.theme = "light";
  document.documentElement.dataset.framed = "";
}

/* App Bridge has run by now. It is in the head before React's own scripts, and React would take it for the first of
   those (error 418); a script marked async it leaves alone. */
document.querySelector("script[data-bridge]")?.setAttribute("async", "");
