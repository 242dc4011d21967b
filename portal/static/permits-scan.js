/* The code of a sign by camera or photo. The browser's own detector reads it, or a decoder that is
   loaded only then. Pictures never leave the phone, and only the portal's own permits are opened. */
(() => {
  "use strict";

  const place = document.querySelector("[data-scan]");
  const { site, base, decoder } = place.dataset;
  const one = (selector) => place.querySelector(selector);
  const [start, stop, video, photo] = [one("[data-start]"), one("[data-stop]"), one("video"), one("input")];
  const said = [...place.querySelectorAll("[data-say]")];
  const say = (name) => said.forEach((each) => { each.hidden = each.dataset.say !== name; });
  const REFUSED = {
    NotAllowedError: "denied", SecurityError: "denied",
    NotFoundError: "missing", OverconstrainedError: "missing",
  };
  const LONGEST_SIDE = 1000;
  const PAUSE = 200;
  const HINT_AFTER = 15000;

  /* Only where a code of ours leads: another site's is not followed, whatever it looks like. */
  const target = (text) => {
    const known = /^[0-9a-hjkmnp-tv-z]{20,26}$|^[A-Z]{3}-\d{3}\/\d{4}\/\d+(-[^/]+)?$/;
    let name = text.trim();
    try {
      const { origin, pathname } = new URL(name);
      if (![site, location.origin].includes(origin)) return "";
      const found = /^(?:\/en)?\/permits\/(.+)$/.exec(pathname);
      name = found ? found[1] : "";
    } catch {
      name = name.toLowerCase();
    }
    return known.test(name) ? `${base}/${name}` : "";
  };

  const canvas = document.createElement("canvas");
  const paint = (source, width, height) => {
    const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext("2d", { willReadFrequently: true }).drawImage(source, 0, 0, canvas.width, canvas.height);
  };

  /* What reads the canvas: the text of a code in it, or nothing. */
  let reading = null;
  const reader = async () => {
    if ("BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
      const detector = new BarcodeDetector({ formats: ["qr_code"] });
      return async () => { const [code] = await detector.detect(canvas); return code ? code.rawValue : ""; };
    }
    const { decodeQR } = await import(decoder);
    return async () => {
      try {
        return decodeQR(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height));
      } catch {
        return ""; /* there is no code in it, or not a whole one */
      }
    };
  };
  const read = async () => {
    reading = reading || reader();
    try { return await (await reading)(); } catch (error) { reading = null; throw error; }
  };

  let stream = null;
  let visit = 0; /* each opening of the camera has a number: what comes late belongs to none */
  const close = () => {
    visit += 1;
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
    video.hidden = stop.hidden = true;
    start.hidden = !navigator.mediaDevices;
  };

  const follow = (text) => {
    const path = target(text);
    if (!path) { say("foreign"); return; }
    say("found");
    close();
    location.assign(path);
  };

  const look = async (mine, since) => {
    if (mine !== visit) return;
    if (video.videoWidth) {
      paint(video, video.videoWidth, video.videoHeight);
      let text;
      try { text = await read(); } catch { if (mine === visit) { close(); say("failed"); } return; }
      if (mine !== visit) return;
      if (text) follow(text);
      else if (performance.now() - since > HINT_AFTER) say("closer");
    }
    setTimeout(look, PAUSE, mine, since);
  };

  start.addEventListener("click", async () => {
    close();
    const mine = visit;
    say("asking");
    try {
      const lent = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (mine !== visit) { lent.getTracks().forEach((track) => track.stop()); return; }
      stream = lent;
    } catch (error) {
      say(REFUSED[error.name] || "busy");
      return;
    }
    video.srcObject = stream;
    start.hidden = true;
    video.hidden = stop.hidden = false;
    stop.focus();
    say("looking");
    await video.play().catch(() => {});
    look(mine, performance.now());
  });
  const leave = () => { close(); say(""); };
  stop.addEventListener("click", () => { leave(); start.focus(); });
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => { if (document.hidden && stream) leave(); });

  photo.addEventListener("change", async () => {
    const [file] = photo.files;
    if (!file) return;
    leave();
    let picture;
    try { picture = await createImageBitmap(file); } catch { say("unreadable"); return; }
    paint(picture, picture.width, picture.height);
    picture.close();
    photo.value = "";
    try {
      const text = await read();
      if (text) follow(text); else say("none");
    } catch {
      say("failed");
    }
  });

  close();
  place.hidden = false;
})();
