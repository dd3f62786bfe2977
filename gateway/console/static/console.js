"use strict";
// Two things: the reader's own time beside each UTC time, and the overview kept live. Every page works without it.

function localTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const when = new Date(element.dateTime);
    if (when.getTimezoneOffset() === 0) continue; // it is UTC
    const own = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" });
    const beside = document.createElement("span");
    beside.className = "local";
    beside.textContent = ` (${own})`;
    element.append(beside);
  }
}

function keepLive(button) {
  const state = document.getElementById("live-state");
  const live = document.getElementById("live");
  let source = null;

  function say(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  function start() {
    source = new EventSource(button.dataset.live);
    source.onopen = () => say("Live");
    source.onerror = () => say("Connection lost; trying again");
    source.onmessage = (event) => {
      if (live.contains(document.activeElement)) return; // do not take the reader's place away
      live.innerHTML = JSON.parse(event.data); // made by the page's own template, escaped there
      say("Live");
      localTimes(live);
    };
    source.addEventListener("failed", (event) => say(`Not up to date: ${JSON.parse(event.data)}`));
    source.addEventListener("over", () => {
      stop();
      say("The session is over: sign in again");
    });
    button.setAttribute("aria-pressed", "false");
  }

  function stop() {
    source.close();
    source = null;
    button.setAttribute("aria-pressed", "true");
    say("Paused");
  }

  button.addEventListener("click", () => (source === null ? start() : stop()));
  window.addEventListener("pagehide", () => source !== null && source.close());
  start();
}

localTimes(document);
const button = document.getElementById("pause");
if (button !== null) keepLive(button);
