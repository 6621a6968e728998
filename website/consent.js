"use strict";
// Asks once about cookies, and loads Analytics only after a yes (README.md).
{
const { api = "", analyticsSrc, text } = document.currentScript.dataset;
const words = {
  title: "Your choice about cookies",
  intro: "Some cookies are needed to sign in and to protect you. You decide about the others, now and at any time.",
  preferences: "Preferences: remember language, company and time zone",
  analytics: "Analytics: let Google count how the website is used",
  gpc: "Your browser sends Global Privacy Control: Analytics stays off.",
  accept: "Accept all",
  reject: "Reject all",
  choose: "Choose",
  save: "Save my choice",
  failed: "This could not be saved. Please try again.",
  ...JSON.parse(text || "{}"),
};
const css = `.cookie-consent { box-sizing: border-box; width: min(36rem, 100% - 2rem); padding: 1.5rem; border: 2px solid;
color-scheme: light dark; background: Canvas; color: CanvasText; font: 1rem/1.5 system-ui, sans-serif;
h2 { margin: 0 }
label { display: block; padding: .5rem }
div { display: flex; flex-wrap: wrap; gap: .75rem }
button { flex: 1 1 8rem; min-height: 44px; border: 2px solid; background: Canvas; color: CanvasText; font: inherit }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px } }`;
const gpc = navigator.globalPrivacyControl === true;
let state = { rejected: [] }, dialog, boxes, alert, expand, loaded;

const make = (parent, tag, more) => {
  const node = Object.assign(document.createElement(tag), more);
  parent.append(node);
  return node;
};

const call = async (options) => {
  const answer = await fetch(api + "/cookies/consent", { credentials: "include", ...options });
  if (!answer.ok) throw Error();
  return answer.json();
};

// What the register names and no choice allows: of this host, and of the domains above it.
const clean = () => {
  const labels = location.hostname.split(".");
  for (const pair of document.cookie.split(";")) {
    const name = pair.split("=")[0].trim();
    if (state.rejected.some((one) => one === name || (one.endsWith("*") && name.startsWith(one.slice(0, -1)))))
      for (let i = labels.length; i >= 0; i--)
        document.cookie = `${name}=; Path=/; Max-Age=0; Domain=${labels.slice(i).join(".")}`;
  }
};

const apply = (told) => {
  state = told;
  clean();
  const { preferences } = told, analytics = told.analytics && !gpc;
  document.dispatchEvent(new CustomEvent("cookie-consent", { detail: { preferences, analytics } }));
  if (!analytics && loaded) location.reload(); // what runs would set its cookies anew
  if (analytics && analyticsSrc) loaded ||= make(document.head, "script", { src: analyticsSrc });
};

const decide = async (preferences, analytics) => {
  const body = JSON.stringify({ preferences, analytics: analytics && !gpc });
  try {
    apply(await call({ method: "PUT", headers: { "Content-Type": "application/json" }, body, keepalive: true }));
    dialog.close();
  } catch {
    if (!analytics) clean();
    open();
    alert.textContent = words.failed;
  }
};

const build = () => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets.push(sheet);
  dialog = make(document.body, "dialog", { className: "cookie-consent" });
  dialog.ariaLabel = words.title;
  make(dialog, "h2", { textContent: words.title, tabIndex: -1, autofocus: true });
  make(dialog, "p", { textContent: words.intro });
  const more = make(dialog, "section");
  boxes = ["preferences", "analytics"].map((name) => {
    const label = make(more, "label"), box = make(label, "input", { type: "checkbox", name });
    label.append(" ", words[name]);
    return box;
  });
  if (gpc) {
    boxes[1].disabled = true;
    make(more, "p", { textContent: words.gpc });
  }
  alert = make(dialog, "p", { role: "alert" });
  const row = make(dialog, "div");
  const button = (textContent, onclick) => make(row, "button", { textContent, onclick });
  button(words.accept, () => decide(true, true));
  button(words.reject, () => decide(false, false));
  const choose = button("", () => {
    if (!more.hidden) return decide(boxes[0].checked, boxes[1].checked);
    expand(true);
    boxes[0].focus();
  });
  expand = (open) => {
    more.hidden = !open;
    choose.textContent = open ? words.save : words.choose;
    choose.ariaExpanded = open;
  };
  // Escape rejects; where something was chosen already, it changes nothing.
  dialog.oncancel = () => state.decided_at || decide(false, false);
};

const open = () => {
  if (!dialog) build();
  if (dialog.open) return;
  alert.textContent = "";
  boxes[0].checked = state.preferences;
  boxes[1].checked = state.analytics && !gpc;
  expand(!!state.decided_at);
  dialog.showModal();
};

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-cookie-settings]")) {
    event.preventDefault();
    open();
  }
});
call().then((told) => {
  apply(told);
  if (!told.decided_at) open();
}, () => {}); // who cannot be asked has not said yes
}
