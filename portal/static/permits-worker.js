/* The inquiry without a network. The server puts SHELL before this: the page that is shown then, and
   the files that it looks like, named by their content. Pages come from the network first; an answer
   is kept by the page itself, when its reader asks for it (permits.js), and never by this worker. */
"use strict";

const OWN = SHELL.cache + SHELL.version;
const KEPT = "permits-kept";
const PATIENCE = 8000; /* a network that only seems to be there; one who has kept the answer gets it */

addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(OWN).then((cache) => cache.addAll(SHELL.files)).then(() => skipWaiting()),
  );
});

/* A page that is open still has what it needs: files are named by content, and what is kept has its
   own beside it. */
addEventListener("activate", (event) => {
  const old = (name) => name.startsWith(SHELL.cache) && name !== OWN;
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});

const offline = (html) =>
  new Response(html.replace(/<html/, "$& data-offline"), { headers: SHELL.headers });

const late = () => new Promise((_, fail) => { setTimeout(fail, PATIENCE); });

const page = async (request, path) => {
  const kept = await caches.match(path, { cacheName: KEPT });
  try {
    const answer = await Promise.race([fetch(request), ...(kept ? [late()] : [])]);
    if (answer.status < 500 || !kept) return answer;
  } catch {
    /* there is no network */
  }
  return offline(kept ? await kept.text() : SHELL.page);
};

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request, pathname));
  else if (pathname.startsWith("/static/")) {
    event.respondWith(caches.match(request).then((found) => found || fetch(request)));
  }
});
