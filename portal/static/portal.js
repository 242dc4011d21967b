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

  /* Uploads: begun when a file is chosen, with progress, repeatable after an interruption. */
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
      button.focus();
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
        section.replaceWith(document.adoptNode(fresh));
        fresh.querySelectorAll("form[data-upload]").forEach(upload);
        fresh.focus();
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
  document.querySelectorAll("section.document form[data-upload]").forEach(upload);
})();
