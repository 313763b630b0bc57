"""How the pretend dashboard looks: calm, light or dark as the reader likes, one column on a phone."""

STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --paper: #fff; --ink: #1c2430; --soft: #5a6576;
  --line: #d9dee6; --accent: #0b5cad; --on-accent: #fff; --good: #e5f4ea; --bad: #fde8e6; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #12161c; --paper: #1b212a; --ink: #e6eaf0; --soft: #a3aebd; --line: #333d4a;
    --accent: #7db8f5; --on-accent: #10161d; --good: #173424; --bad: #47201d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main { max-width: 52rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.35rem; margin: .5rem 0 .25rem; }
h1 small { font-size: .8rem; font-weight: 600; color: var(--soft); border: 1px solid var(--line);
  border-radius: 1rem; padding: .1rem .6rem; vertical-align: middle; }
h2 { font-size: 1.2rem; margin: 1.5rem 0 .25rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 0; padding: .75rem 1rem; border-bottom: 1px solid var(--line); }
header p, .about, .why { color: var(--soft); margin: 0; }
code { font: .8rem ui-monospace, monospace; color: var(--soft); overflow-wrap: anywhere; }
section, .picker { background: var(--paper); border: 1px solid var(--line);
  border-radius: .6rem; margin: 1rem 0; }
.picker { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem 1rem; padding: 1rem; }
.picker label { display: block; font-size: .875rem; color: var(--soft); }
.picker button { justify-self: start; }
.row { display: grid; grid-template-columns: 1fr 15rem 6.5rem; gap: .75rem; align-items: center;
  padding: .6rem 1rem; border-top: 1px solid var(--line); }
h3 + .row { border-top: 0; }
.row:target { background: var(--good); }
.row label code { display: block; }
.why { font-size: .875rem; }
.done { color: var(--ink); font: 600 .8rem system-ui, sans-serif; }
input, select, button { font: inherit; color: inherit; background: var(--ground);
  border: 1px solid var(--soft); border-radius: .4rem; padding: .4rem .6rem;
  width: 100%; min-height: 2.5rem; }
input:disabled { border-color: var(--line); color: var(--soft); }
button { width: auto; min-width: 5rem; background: var(--accent); border-color: var(--accent);
  color: var(--on-accent); font-weight: 600; cursor: pointer; }
.row button { background: transparent; color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.notice { background: var(--good); border: 1px solid var(--line); border-radius: .6rem; padding: .75rem 1rem;
  overflow-wrap: anywhere; }
.notice.bad { background: var(--bad); }
@media (max-width: 40rem) {
  .picker { grid-template-columns: 1fr; }
  .row { grid-template-columns: 1fr auto; }
  .row label { grid-column: 1 / -1; } }
"""

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ccircle cx='8' cy='8' r='7' fill='%23f6821f'/%3E%3C/svg%3E"
)
"""The icon is in the page itself: the emulator serves no files."""
