"use strict";
const EVERY_MS = 30000;

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.pathname, { credentials: "same-origin" }).catch(() => null);
  if (answer?.redirected) { location.assign(answer.url); return; }
  if (!answer?.ok) { document.getElementById("as-of").classList.add("stale"); return; }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = nameOf(document.activeElement);
  const scrolled = new Map([...document.querySelectorAll(".scroll")].map((each) => [nameOf(each), each.scrollLeft]));
  const open = new Set([...document.querySelectorAll("details[open]")].map((each) => each.id));
  for (const id of ["facts", "as-of"]) {
    const [now, then] = [fresh.getElementById(id), document.getElementById(id)];
    if (now && then) then.replaceWith(document.adoptNode(now));
  }
  for (const each of document.querySelectorAll("details")) each.open = open.has(each.id);
  for (const each of document.querySelectorAll(".scroll")) each.scrollLeft = scrolled.get(nameOf(each)) ?? 0;
  const again = [...document.querySelectorAll("summary, .scroll")].find((each) => nameOf(each) === focused);
  if (focused) again?.focus({ preventScroll: true });
}

// What stays the same of a table or a summary when the page is made anew.
function nameOf(element) {
  return element?.getAttribute("aria-label") ?? element?.closest("details")?.id;
}

setInterval(refresh, EVERY_MS);

// Browsers keep a page they leave, no-store or not: after signing out, "back" must not show it again.
addEventListener("pagehide", () => { document.body.hidden = true; });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
