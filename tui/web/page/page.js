"use strict";

// The key has done its work once it is a cookie: it needn't stand in the address bar and the history.
history.replaceState(null, "", location.pathname);

const terminal = document.querySelector("#terminal");
const socket = new URL("ws", location.href);
socket.protocol = location.protocol === "https:" ? "wss:" : "ws:";
terminal.dataset.sessionWebsocketUrl = socket.href;

const over = document.querySelector("#over");
const again = document.querySelector("#again");
again.addEventListener("click", () => location.reload());

function focusTerminal() {
  if (over.hidden) {
    document.querySelector(".xterm-helper-textarea")?.focus();
  }
}

// Keys go to the terminal without a click: as soon as it shows something, and whenever somebody comes back to the tab.
new MutationObserver(() => {
  if (document.body.classList.contains("-closed")) {
    over.hidden = false;
    again.focus();
  } else if (document.body.classList.contains("-first-byte")) {
    focusTerminal();
  }
}).observe(document.body, { attributeFilter: ["class"] });
window.addEventListener("focus", focusTerminal);
document.addEventListener("click", focusTerminal);

// The terminal measures its font when it begins, so the font has to be there.
window.addEventListener("load", async () => {
  await document.fonts.load('16px "Roboto Mono"').catch(() => []);
  const script = document.createElement("script");
  script.src = "static/textual.js";
  script.addEventListener("load", (event) => window.onload(event));
  document.head.append(script);
});
