// Keeps a page up to date: fetches it anew and puts its marked parts in the place of the old ones. Everything also works
// without. Parts are parsed by DOMParser, which runs no script, and the policy of the page allows none but this file.
"use strict";

(() => {
  const main = document.querySelector("main[data-live]");
  if (!main) return;
  const everyMs = Number(main.dataset.live) * 1000;
  const limitMs = 30000;
  const toggle = document.getElementById("live-toggle");
  const status = document.getElementById("live-status");
  let paused = sessionStorage.getItem("console-paused") === "yes";
  let failures = 0;
  let timer = 0;
  let busy = false;

  const say = (text) => {
    if (status.textContent !== text) status.textContent = text;
  };
  const announced = (root) =>
    Array.from(root.querySelectorAll("[data-announce]"), (one) => one.textContent.replace(/\s+/g, " ").trim()).join(" ");

  // What somebody has the keyboard or a selection in stays as it is until they have left it.
  const inUse = (part) => {
    const focused = document.activeElement;
    if (focused && focused !== part && part.contains(focused)) return true;
    const selection = document.getSelection();
    return Boolean(selection && !selection.isCollapsed && selection.anchorNode && part.contains(selection.anchorNode));
  };

  const put = (part, fresh) => {
    if (part.isEqualNode(fresh)) return;
    const open = new Set(Array.from(part.querySelectorAll("details[open][id]"), (one) => one.id));
    const scrolled = Array.from(part.querySelectorAll(".scroll"), (one) => [one.scrollLeft, one.scrollTop]);
    fresh.querySelectorAll("details[id]").forEach((one) => { if (open.has(one.id)) one.open = true; });
    part.replaceWith(fresh);
    fresh.querySelectorAll(".scroll").forEach((one, place) => {
      if (scrolled[place]) [one.scrollLeft, one.scrollTop] = scrolled[place];
    });
  };

  const refresh = async () => {
    const before = announced(document);
    const answer = await fetch(location.href, {
      headers: { "x-console-refresh": "1" },
      cache: "no-store",
      signal: AbortSignal.timeout(10000),
    });
    if (answer.redirected || answer.status === 401 || answer.status === 403) {
      location.reload();
      return false;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (paused) return true;
    const ours = document.querySelectorAll("[data-live-part]");
    ours.forEach((part) => {
      const other = fresh.getElementById(part.id);
      if (other && !inUse(part)) put(part, document.adoptNode(other));
    });
    const after = announced(document);
    if (after !== before) say(after);
    return fresh.querySelector("main[data-live]") !== null;
  };

  const next = () => {
    window.clearTimeout(timer);
    if (!paused) timer = window.setTimeout(turn, Math.min(everyMs * 2 ** failures, limitMs));
  };

  const turn = async () => {
    window.clearTimeout(timer);
    if (document.hidden || busy) return;
    busy = true;
    let more = true;
    try {
      more = await refresh();
      if (failures) say("Updates go on.");
      failures = 0;
    } catch {
      failures += 1;
      if (failures === 2) say("The router does not answer; the page is no longer up to date.");
    }
    busy = false;
    status.classList.toggle("hidden", failures < 2);
    if (more) next();
    else toggle.hidden = true;
  };

  const show = () => { toggle.textContent = paused ? "Resume updates" : "Pause updates"; };

  toggle.addEventListener("click", () => {
    paused = !paused;
    sessionStorage.setItem("console-paused", paused ? "yes" : "no");
    show();
    say(paused ? "Updates are paused." : "Updates go on.");
    if (paused) window.clearTimeout(timer);
    else turn();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !paused) turn(); });

  show();
  toggle.hidden = false;
  next();
})();
