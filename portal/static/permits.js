/* The inquiry on a phone: answers kept for when there is no network, sharing, the home screen.
   All of it stands in the page and is hidden where the browser cannot do it. No text is made here. */
(() => {
  "use strict";

  const KEPT = "permits-kept";
  const root = document.documentElement;
  const { worker, scope } = document.currentScript.dataset;
  const offline = "offline" in root.dataset;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  /* Two lines are two words at least, though nothing but a <br> stands between them. */
  const plain = (element) => {
    const texts = element ? document.createNodeIterator(element, NodeFilter.SHOW_TEXT) : null;
    const found = [];
    for (let node = texts && texts.nextNode(); node; node = texts.nextNode()) found.push(node.data);
    return found.join(" ").replace(/\s+/g, " ").trim();
  };
  const on = (element, act) => { if (element) element.addEventListener("click", act); };
  const OLD = 30 * 24 * 3600e3;
  /* A permit may have lapsed or been revoked meanwhile: whoever buys by an old answer is warned. */
  const age = (place, time) => {
    const warning = one("[data-old]", place);
    if (warning && time) warning.hidden = Date.now() - Date.parse(time.dateTime) < OLD;
  };
  /* Of all that may be said in one place, this. */
  const say = (place, name) => all("[data-say]", place).forEach((each) => { each.hidden = each.dataset.say !== name; });

  all("[data-print]").forEach((button) => {
    on(button, () => print());
    button.hidden = false;
  });

  /* --- keeping --- */

  const parsed = (text) => new DOMParser().parseFromString(text, "text/html");
  const open = () => caches.open(KEPT);
  const copy = async (path) => {
    const found = await caches.match(path, { cacheName: KEPT });
    return found && parsed(await found.text());
  };

  /* What a page looks like is kept with it, under names that tell the content: a copy opens as it
     was, whatever the portal looks like by then. */
  const files = (page) => new Set([
    ...all("link[rel=stylesheet], link[rel=icon]", page).map((each) => each.getAttribute("href")),
    ...all("script[src]", page).map((each) => each.getAttribute("src")),
    ...all("use", page).map((each) => each.getAttribute("href").split("#")[0]),
  ]);

  /* The answer as anybody gets it: asked for without the cookie, so that nothing of who has signed in
     comes along. */
  const ask = async (path) => {
    const answer = await fetch(path, { credentials: "omit", cache: "no-store" });
    const text = await answer.text();
    const page = parsed(text);
    return one("[data-answer]", page) ? { text, page } : { status: answer.status };
  };

  /* The browser is asked not to throw it away when room is short; it may say no. */
  const keep = async (path, { text, page }) => {
    const cache = await open();
    try {
      await cache.addAll([...files(page)]);
      await cache.put(path, new Response(text, { headers: { "content-type": "text/html; charset=utf-8" } }));
    } finally {
      await tidy(cache);
    }
    if (navigator.storage) navigator.storage.persist();
  };

  const listed = async () => (await caches.has(KEPT) ? await (await open()).keys() : [])
    .map(({ url }) => new URL(url).pathname)
    .filter((path) => !path.startsWith("/static/"));

  const remove = async (...paths) => {
    const cache = await open();
    await Promise.all(paths.map((path) => cache.delete(path)));
    await tidy(cache);
  };

  /* What no answer names any more goes, and with the last answer all of it. */
  const tidy = async (cache) => {
    const left = await Promise.all((await listed()).map(copy));
    if (!left.length) { await caches.delete(KEPT); return; }
    const needed = new Set(left.flatMap((page) => [...files(page)]));
    await Promise.all((await cache.keys()).map(({ url }) => {
      const { pathname } = new URL(url);
      return pathname.startsWith("/static/") && !needed.has(pathname) && cache.delete(pathname);
    }));
  };

  /* What the answer says, line by line; when it was looked up is no part of that. */
  const facts = (page) => new Map([
    [plain(one("h1", page)), plain(one("[data-answer] b", page))],
    ...all("dl.kv > div:not([data-at])", page).map((row) => [plain(one("dt", row)), plain(one("dd", row))]),
  ]);
  const changes = (before, now) => {
    const [old, fresh] = [facts(before), facts(now)];
    return [...new Set([...old.keys(), ...fresh.keys()])]
      .filter((what) => old.get(what) !== fresh.get(what))
      .map((what) => ({ what, before: old.get(what) || "—", now: fresh.get(what) || "—" }));
  };

  /* Asks anew for what is kept; what has changed since, or the reason why that is not known. */
  const renew = async (path) => {
    const before = await copy(path);
    let answer;
    try {
      answer = await ask(path);
      if (answer.page) await keep(path, answer);
    } catch {
      return { said: "offline" };
    }
    if (!answer.page) return { said: answer.status === 429 ? "soon" : "offline" };
    const changed = changes(before, answer.page);
    return {
      said: changed.length ? "changed" : "same",
      changed,
      since: one("[data-at] time", before),
      at: one("[data-at] time", answer.page),
    };
  };
  const tell = (place, { said, changed = [], since }) => {
    say(place, said);
    one("[data-changes]", place).replaceChildren(...changed.map((each) => {
      const line = document.createElement("li");
      line.textContent = place.dataset.changed.replace(/\{(\w+)\}/g, (_, name) => each[name]);
      return line;
    }));
    all("[data-since]", place).forEach((each) => { if (since) each.textContent = plain(since); });
  };

  /* One answer: kept or not, and what became of it. */
  const answer = async (place) => {
    const path = place.dataset.keep;
    const asked = one("details", place);
    const kept = one("[data-kept]", place);
    const status = one("[data-news]");
    const show = async () => {
      const page = await copy(path);
      asked.hidden = Boolean(page) || offline;
      kept.hidden = !page;
      if (page) one("time", kept).replaceWith(one("[data-at] time", page));
      if (offline) age(document, one("[data-at] time"));
      place.hidden = false;
      return page;
    };
    const button = one("[data-keep-it]", place);
    let busy = false;
    on(button, async () => {
      if (busy) return;
      busy = true;
      try {
        const found = await ask(path);
        if (found.page) await keep(path, found);
        say(place, found.page ? "kept" : found.status === 429 ? "soon" : "failed");
        if (found.page) { asked.open = false; await show(); one("[data-remove]", kept).focus(); }
      } catch {
        say(place, "failed");
      }
      busy = false;
    });
    on(one("[data-remove]", place), async () => {
      await remove(path);
      say(place, "removed");
      await show();
      if (!offline) one("summary", asked).focus();
    });
    /* Once what has changed is known it stays told: it would be no news the second time. */
    let known = false;
    const again = async () => {
      if (known) return;
      known = true;
      const found = await renew(path);
      known = ["same", "changed"].includes(found.said);
      tell(status, found);
      if (found.said === "same") { /* what stands here is the answer of now */
        delete root.dataset.offline;
        one("[data-at] time").replaceWith(found.at);
        await show();
      }
    };
    if (!await show()) return;
    if (offline) {
      addEventListener("online", again);
      on(one("[data-again]"), again);
    } else await again();
  };

  /* All that is kept. */
  const list = async (place) => {
    const rows = one("[data-rows]", place);
    const row = one("template", place);
    const status = one("[data-said]", place);
    const several = one("[data-several]", place);
    const draw = async () => {
      const paths = await listed();
      const pages = await Promise.all(paths.map(copy));
      rows.replaceChildren(...pages.map((page, index) => {
        const drawn = row.content.cloneNode(true);
        const [item, link] = [one("li", drawn), one("a", drawn)];
        link.href = paths[index];
        link.textContent = plain(one("h1", page));
        item.lang = page.documentElement.lang;
        item.dir = page.documentElement.dir;
        item.dataset.path = paths[index];
        one("[data-place]", drawn).textContent = plain(one("[data-place]", page));
        one("[data-state]", drawn).textContent = plain(one("[data-answer] b", page));
        age(item, one("[data-at] time", page));
        one("time", drawn).replaceWith(one("[data-at] time", page) || "");
        const button = one("button", drawn);
        button.setAttribute("aria-label", `${plain(button)}: ${link.textContent}`);
        on(button, async () => {
          await remove(paths[index]);
          await draw();
          say(status, "removed");
          place.focus();
        });
        return drawn;
      }));
      one("[data-none]", place).hidden = pages.length > 0;
      several.hidden = !pages.length;
    };
    on(one("[data-remove-all]", place), async () => {
      await remove(...await listed());
      one("details", several).open = false;
      await draw();
      say(status, "removed");
      place.focus();
    });
    on(one("[data-renew-all]", place), async () => {
      say(status, "asking");
      const found = new Map();
      for (const path of await listed()) {
        found.set(path, await renew(path));
        if (["soon", "offline"].includes(found.get(path).said)) break;
      }
      await draw();
      all("[data-path]", rows).forEach((item) => {
        const result = found.get(item.dataset.path);
        if (result) tell(one("[data-news]", item), result);
      });
      say(status, "asked");
    });
    await draw();
  };

  all("[data-reload]").forEach((button) => on(button, () => location.reload()));

  if (isSecureContext && "serviceWorker" in navigator && "caches" in window) {
    const [place, every, missing] = [one("[data-keep]"), one("[data-list]"), one("[data-missing]")];
    if (place) answer(place);
    if (every) list(every);
    if (missing && offline && location.pathname !== missing.dataset.missing) {
      missing.hidden = false;
      /* not under the feet of who is on the way to another page */
      let leaving = false;
      addEventListener("beforeunload", () => { leaving = true; });
      addEventListener("online", () => { if (!leaving) location.reload(); });
    }
    addEventListener("load", () => {
      navigator.serviceWorker.register(worker, { scope, updateViaCache: "none" }).catch(() => {});
    });
  }

  /* --- a wait, at whose end the browser asks again by itself --- */

  all("[data-left]").forEach((bar) => {
    bar.hidden = false;
    setInterval(() => { bar.value = performance.now() / 1000; }, 1000);
  });

  /* --- sharing: the address of the permit, which says nothing of a person --- */

  all("[data-share]").forEach((button) => {
    const address = new URL(button.dataset.share, location.origin).href;
    const place = one("[data-shared]");
    on(button, async () => {
      try {
        if (navigator.share) { await navigator.share({ title: document.title, url: address }); return; }
        await navigator.clipboard.writeText(address);
        say(place, "copied");
      } catch (error) {
        if (error.name === "AbortError") return; /* the reader has changed his mind */
        one("[data-address]", place).textContent = address;
        say(place, "copy");
      }
    });
    button.hidden = false;
  });

  /* --- the home screen: offered in its place and only where the browser can; nobody is urged --- */

  const offer = one("[data-install]");
  let prompt = null;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    prompt = event;
    if (offer) offer.hidden = false;
  });
  addEventListener("appinstalled", () => { if (offer) offer.hidden = true; });
  on(offer && one("button", offer), async () => {
    if (!prompt) return;
    offer.hidden = true;
    prompt.prompt();
    prompt = null;
  });
})();
