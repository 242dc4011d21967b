/* Small helps on top of pages that work without them: upload progress, saving while typing, and one
   press of a button counting once. No markup is made here but what the server sent. */
(() => {
  "use strict";

  const root = document.documentElement;
  root.classList.add("js");

  /* A form that changes something is sent once, however often its button is pressed. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 8000);
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("[data-sent]").forEach((form) => { delete form.dataset.sent; });
  });

  /* Who signs out may be leaving a phone to somebody else: kept inquiries (permits.js) go as well. */
  document.addEventListener("submit", (event) => {
    if (/^(\/en)?\/sign-out$/.test(new URL(event.target.action).pathname) && "caches" in window) caches.delete("permits-kept");
  });

  /* What is typed on a page is kept soon after, so that a closed browser costs nothing. */
  const autosave = (form) => {
    let timer = 0;
    const save = () => {
      timer = 0;
      const body = new URLSearchParams(new FormData(form));
      body.set("_autosave", "1");
      fetch(form.action, { method: "POST", body, credentials: "same-origin", keepalive: true }).catch(() => {});
    };
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(save, 1200); });
    form.addEventListener("submit", () => { clearTimeout(timer); timer = 0; });
    document.addEventListener("visibilitychange", () => {
      if (timer && document.visibilityState === "hidden") { clearTimeout(timer); save(); }
    });
  };
  document.querySelectorAll("form[data-autosave]").forEach(autosave);

  /* On a phone the sections of the staff's pages stand in one line: this one is in sight. */
  document.querySelector(".nav--work [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  /* A list made to be printed has a button for it. */
  document.querySelectorAll("[data-print]").forEach((button) => {
    button.addEventListener("click", () => print());
    button.hidden = false;
  });

  /* Uploads: begun when a file is chosen, with progress, repeatable after an interruption. What
     came of one is read out; the keyboard is taken there only from where the upload was begun. */
  let teller = null;
  const tell = (element) => {
    if (element) teller.textContent = element.textContent.replace(/\s+/g, " ").trim();
  };
  const nowhereElse = (place) => place.contains(document.activeElement) || document.activeElement === document.body;

  const upload = (form) => {
    const section = form.closest("section");
    const input = form.querySelector("input[type=file]");
    const button = form.querySelector("button");
    const interrupted = form.querySelector(".err");
    let progress = null;

    /* The file stays chosen: one press sends it again. */
    const fail = () => {
      if (progress) { progress.remove(); progress = null; }
      form.classList.add("upload--failed");
      interrupted.hidden = false;
      tell(interrupted);
      if (nowhereElse(section)) button.focus();
    };

    const send = () => {
      if (!input.files.length || progress) return;
      form.classList.remove("upload--failed");
      interrupted.hidden = true;
      progress = document.createElement("progress");
      progress.max = 100;
      progress.setAttribute("aria-label", input.labels[0].textContent);
      form.append(progress);
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.setRequestHeader("X-Upload", "part");
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) progress.value = (100 * event.loaded) / event.total;
      };
      request.onerror = fail;
      request.ontimeout = fail;
      request.onabort = fail;
      request.onload = () => {
        const part = new DOMParser().parseFromString(request.responseText, "text/html");
        const fresh = part.getElementById(section.id);
        if (!fresh) { location.assign(request.responseURL || location.href); return; }
        const here = nowhereElse(section);
        section.replaceWith(document.adoptNode(fresh));
        fresh.querySelectorAll("form[data-upload]").forEach(upload);
        tell(fresh.querySelector(".err:not([hidden])") || fresh.querySelector(".file:last-child > div"));
        if (here) fresh.focus();
      };
      request.send(new FormData(form));
    };

    input.addEventListener("change", send);
    form.addEventListener("submit", (event) => {
      if (!section || !section.classList.contains("document")) return;
      event.preventDefault();
      send();
    });
  };
  const uploads = document.querySelectorAll("section.document form[data-upload]");
  if (uploads.length) {
    teller = document.createElement("p");
    teller.className = "vh";
    teller.setAttribute("role", "status");
    document.getElementById("main").append(teller);
    uploads.forEach(upload);
  }

  /* The nearest centers: the phone compares its position with the list of all of them, so that the
     position is never sent. */
  const nearest = (section) => {
    const said = section.querySelectorAll("[data-said]");
    const button = section.querySelector("button");
    const list = section.querySelector("ol");
    const one = section.querySelector("template");
    const digits = new Intl.NumberFormat(root.lang === "ar" ? "ar-EG-u-nu-arab" : "en");
    const say = (...names) => said.forEach((each) => { each.hidden = !names.includes(each.dataset.said); });
    const text = (pattern, n) => section.dataset[pattern].replace("{n}", digits.format(n));

    /* Along the great circle, in kilometres. */
    const distance = (here, [lat, lon]) => {
      const rad = Math.PI / 180;
      const half = Math.sin(((lat - here.latitude) * rad) / 2) ** 2 +
        Math.cos(here.latitude * rad) * Math.cos(lat * rad) * Math.sin(((lon - here.longitude) * rad) / 2) ** 2;
      return 12742 * Math.asin(Math.sqrt(half));
    };

    /* No closer than it is known: a point placed by hand is good to two kilometres. */
    const inWords = (km, how) => {
      const least = how === "rough" ? 2 : 1;
      if (how !== "seat" && km < least) return text("within", least);
      const step = km < 20 ? 1 : km < 100 ? 5 : 10;
      const about = text("about", Math.max(1, Math.round(km / step) * step));
      return how === "seat" ? `${about} ${section.dataset.seat}` : about;
    };

    const show = (here, page) => {
      const found = [...page.querySelectorAll("[data-at]")]
        .map((item) => ({ item, km: distance(here, item.dataset.at.split(" ").map(Number)) }))
        .sort((a, b) => a.km - b.km)
        .slice(0, 8);
      list.replaceChildren(...found.map(({ item, km }) => {
        const row = one.content.cloneNode(true);
        const link = item.querySelector("a");
        const href = link.getAttribute("href");
        const { to } = section.dataset;
        row.querySelector("a").href = to ? to + href.split("/").pop() : href;
        row.querySelector("a").textContent = link.textContent;
        row.querySelector("p").textContent = item.closest("section").querySelector("h2").textContent;
        row.querySelector(".count").textContent = inWords(km, item.dataset.how);
        return row;
      }));
      list.hidden = false;
      say("found", here.accuracy > 5000 ? "vague" : "");
    };

    const look = async ({ coords }) => {
      const { latitude, longitude } = coords;
      if (latitude < 21.7 || latitude > 31.9 || longitude < 24.6 || longitude > 37) { say("outside"); return; }
      try {
        const answer = await fetch(section.dataset.near);
        if (!answer.ok) throw new Error(answer.status);
        show(coords, new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch {
        say("offline");
      }
    };

    let asked = false;
    button.addEventListener("click", () => {
      if (asked) return;
      asked = true;
      list.hidden = true;
      say("asking");
      const done = (then) => (result) => { asked = false; then(result); };
      navigator.geolocation.getCurrentPosition(
        done(look),
        done((error) => say(["", "denied", "unavailable", "timeout"][error.code])),
        { timeout: 20000, maximumAge: 300000 },
      );
    });
    section.hidden = false;
  };
  if (navigator.geolocation && isSecureContext) document.querySelectorAll("[data-near]").forEach(nearest);

  /* Where something is awaited the page looks again by itself: soon at first, then more and more
     rarely, not while nobody sees it, and no more once the server gives no tag. */
  const watch = (place) => {
    const first = Number(place.dataset.watch) * 1000;
    let wait = first;
    let timer = 0;
    const plan = () => { clearTimeout(timer); timer = setTimeout(look, wait); };
    const look = () => {
      timer = 0;
      if (document.hidden || !place.isConnected) return;
      place.dispatchEvent(new Event("look"));
      wait = Math.min(wait * 1.25, Math.max(first, 60000));
      plan();
    };
    place.addEventListener("htmx:config:request", (event) => {
      if (place.dataset.seen) event.detail.ctx.request.headers["If-None-Match"] = place.dataset.seen;
    });
    place.addEventListener("htmx:after:request", (event) => {
      if (event.target !== place) return;
      const { status, headers } = event.detail.ctx.response;
      if (status >= 400) { event.preventDefault(); return; }
      if (status !== 200) return;
      wait = first;
      if (headers.has("etag")) { place.dataset.seen = headers.get("etag"); plan(); } else clearTimeout(timer);
    });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && !timer) look(); });
    plan();
  };
  document.querySelectorAll("[data-watch]").forEach(watch);

  /* The other language of the page is that of the address to which htmx has led. */
  document.addEventListener("htmx:after:history:update", () => {
    const link = document.querySelector(".foot a[hreflang]");
    const { pathname, search } = location;
    if (link) link.href = (root.lang === "ar" ? `/en${pathname}` : pathname.slice(3) || "/") + search;
  });

  /* After a part was exchanged the keyboard goes on where it was: what had the focus may be gone,
     or the result may be elsewhere (data-then). A part that cannot be had is asked for as a page. */
  let held = null;
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    const then = ctx.sourceElement.dataset.then;
    const active = document.activeElement;
    held = then ? { place: document.getElementById(then) }
      : { active, place: active && active.closest("[tabindex='-1']") };
  });
  document.addEventListener("htmx:after:swap", () => {
    if (!held) return;
    const { active, place } = held;
    held = null;
    if (place && place.isConnected && !(active && active.isConnected)) place.focus();
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    if (ctx.response.status < 400 || !ctx.sourceElement.hasAttribute("data-or-page")) return;
    event.preventDefault();
    location.assign(ctx.request.action);
  });
})();
