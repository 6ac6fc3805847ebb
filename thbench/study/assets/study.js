"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const main = document.getElementById("main");
  const pair = data.form === "2afc", together = pair && data.layout === "one-after-the-other";
  const place = "thbench-study-" + data.study;
  let words = null, blobs = new Map(), onKey = () => {};

  // -- what is remembered ------------------------------------------------------------------------

  const random = n => Array.from(crypto.getRandomValues(new Uint8Array(n)), b => b.toString(16).padStart(2, "0")).join("");
  const asked = Number(new URLSearchParams(location.search).get("list"));
  let state = recall() || fresh();

  function fresh() {
    const any = crypto.getRandomValues(new Uint32Array(1))[0] % data.lists.length;
    const list = Number.isInteger(asked) && asked >= 1 && asked <= data.lists.length ? asked - 1 : any;
    const wanted = (navigator.languages || []).map(l => l.slice(0, 2));
    const language = wanted.find(l => l in data.words) || Object.keys(data.words)[0];
    return { rater: random(8), list, language, started: 0, finished: 0, heard: false, beeps: [], answers: [] };
  }
  function recall() {
    try { return JSON.parse(localStorage.getItem(place)); } catch { return null; }
  }
  function remember() {
    try { localStorage.setItem(place, JSON.stringify(state)); } catch { /* private window: the page itself remembers */ }
  }

  // -- small pieces of the page --------------------------------------------------------------------

  function make(name, attributes, ...inside) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (value === true) element.setAttribute(key, "");
      else if (value !== false && value !== null) element.setAttribute(key, value);
    }
    element.append(...inside);
    return element;
  }
  function show(kind, ...inside) {
    document.querySelectorAll("video, audio").forEach(e => e.pause());
    main.className = kind;
    main.replaceChildren(...inside);
    scrollTo(0, 0);
    const head = main.querySelector("h1, h2");
    if (head) { head.tabIndex = -1; head.focus({ preventScroll: true }); }
  }
  const filled = (text, numbers) => text.replace(/\{(\w+)\}/g, (all, name) => name in numbers ? numbers[name] : all);
  const button = (text, action, more) => make("button", { type: "button", onclick: action, ...more }, text);

  // -- loading: every file whole before anything plays, so that no video starts sooner than another ----

  const onDisk = location.protocol === "file:";
  async function address(file) {
    if (onDisk) return file;
    if (!blobs.has(file)) {
      blobs.set(file, fetch(file).then(answer => {
        if (!answer.ok) throw new Error(answer.status);
        return answer.blob();
      }).then(blob => URL.createObjectURL(blob)));
      blobs.get(file).catch(() => blobs.delete(file));
    }
    return blobs.get(file);
  }
  function ready(element, source) {
    return new Promise((done, failed) => {
      element.addEventListener("canplaythrough", done, { once: true });
      element.addEventListener("error", () => failed(new Error("media")), { once: true });
      element.src = source;
      element.load();
    });
  }
  async function load(elements, names) {
    const sources = await Promise.all(names.map(address));
    await Promise.all(elements.map((element, i) => ready(element, sources[i])));
  }
  function forget(names) {
    for (const name of names) if (blobs.has(name)) { blobs.get(name).then(u => URL.revokeObjectURL(u), () => {}); blobs.delete(name); }
  }
  const film = name => "v/" + name + ".mp4";

  // -- screens --------------------------------------------------------------------------------------

  function next() {
    onKey = () => {};
    words = data.words[state.language];
    document.documentElement.lang = state.language;
    document.title = data.title || words.title;
    if (!state.started) return intro();
    if (!state.heard && data.sounds.length) return example();
    if (state.beeps.length < data.sounds.length) return counting(state.beeps.length);
    if (state.answers.length < data.lists[state.list].length) return trial(state.answers.length);
    if (!state.finished) { state.finished = Date.now(); remember(); }
    return done();
  }

  function intro() {
    const choice = make("select", { id: "language", onchange: e => { state.language = e.target.value; next(); } },
      ...Object.entries(data.words).map(([code, w]) => make("option", { value: code, lang: code, selected: code === state.language }, w.name)));
    const languages = Object.keys(data.words).length > 1 ? [make("label", { for: "language", class: "hint" }, "Language: "), choice] : [];
    show("words", make("p", {}, ...languages), make("h1", {}, data.title || words.title),
      make("p", {}, pair ? words.intro_pair : words.intro_single), make("p", { class: "hint" }, words.privacy),
      make("p", { class: "go" }, button(words.start, () => { state.started = Date.now(); remember(); next(); }, { id: "start", class: "main" })));
  }

  function player(file) {
    const sound = make("audio", { preload: "auto" });
    const play = button(words.play, () => { sound.currentTime = 0; sound.play(); }, { id: "play", disabled: true });
    load([sound], [file]).then(() => { play.disabled = false; }, () => play.after(make("p", { role: "alert" }, words.not_loaded)));
    onKey = key => { if (key === " " && !play.disabled) play.click(); };
    return [sound, play];
  }

  function example() {
    const [sound, play] = player("s/example.wav");
    const go = button(words.example_heard, () => { state.heard = true; remember(); next(); }, { id: "heard", class: "main", disabled: true });
    sound.addEventListener("ended", () => { go.disabled = false; });
    show("words", make("h1", {}, words.sound_check), make("p", {}, words.example), sound, play, make("p", { class: "go" }, go));
  }

  function counting(i) {
    const [sound, play] = player("s/" + data.sounds[i] + ".wav");
    const chosen = [];
    for (let n = data.counts[0]; n <= data.counts[1]; n++)
      chosen.push(button(String(n), () => { state.beeps.push({ sound: data.sounds[i], count: n }); remember(); next(); }, { disabled: true, "data-count": n }));
    sound.addEventListener("ended", () => chosen.forEach(b => { b.disabled = false; }));
    show("words", make("h1", {}, words.sound_check + ": " + filled(words.progress, { n: i + 1, of: data.sounds.length })), make("p", {}, words.beeps), sound, play,
      make("h2", { id: "beeps-question" }, words.beeps_question), make("div", { class: "count", role: "group", "aria-labelledby": "beeps-question" }, ...chosen));
  }

  function trial(i) {
    const list = data.lists[state.list], one = list[i], files = one.videos.map(film);
    const given = {}, plays = one.videos.map(() => 0);
    let first = 0;
    const videos = one.videos.map((_, k) => make("video", { preload: "auto", playsinline: true, disablepictureinpicture: true, disableremoteplayback: true,
      "aria-label": pair ? "AB"[k] : "", oncontextmenu: e => e.preventDefault() }));
    const status = make("p", { class: "hint", role: "status" }, words.loading);
    const progress = make("progress", { max: list.length, value: i, "aria-label": filled(words.progress, { n: i + 1, of: list.length }) });
    const questions = data.questions.map(name => asking(name));
    const go = button(words.next, finish, { id: "next", class: "main", disabled: true });
    const starts = playing();

    function asking(name) {
      const text = words.questions[name][pair ? "pair" : "single"], id = "question-" + name;
      const options = pair
        ? [["left", words.better_a], ...(data.tie ? [["tie", words.tie]] : []), ["right", words.better_b]]
        : words.ratings.map((rating, k) => [5 - k, (5 - k) + " " + rating]);
      const row = options.map(([value, label]) => button(label, () => answer(name, value), { disabled: true, "aria-pressed": "false", "data-question": name, "data-answer": value }));
      return { name, row, element: make("section", {}, make("h2", { id }, text), make("div", { class: pair ? "row" : "row ratings", role: "group", "aria-labelledby": id }, ...row)) };
    }
    function answer(name, value) {
      given[name] = value;
      for (const b of questions.find(q => q.name === name).row) b.setAttribute("aria-pressed", String(b.dataset.answer === String(value)));
      go.disabled = Object.keys(given).length < data.questions.length;
    }
    function start(k, then) {
      if (!first) first = Date.now();
      videos.forEach((v, n) => { if (n !== k) { v.pause(); v.classList.remove("playing"); } v.classList.toggle("front", n === k); });
      const video = videos[k];
      video.currentTime = 0;
      video.classList.add("playing");
      video.onended = () => {
        video.classList.remove("playing");
        plays[k] += 1;
        if (plays.every(n => n > 0)) { status.textContent = ""; questions.forEach(q => q.row.forEach(b => { b.disabled = false; })); }
        if (then) then();
      };
      video.play().catch(() => { video.classList.remove("playing"); });
    }
    function playing() {
      if (together) return [button(words.play_both, () => start(0, () => start(1)), { id: "play", disabled: true })];
      if (!pair) return [button(words.play, () => start(0), { id: "play", disabled: true })];
      return [button(words.play_a, () => start(0), { id: "play-a", disabled: true }), button(words.play_b, () => start(1), { id: "play-b", disabled: true })];
    }
    function finish() {
      if (go.disabled) return;
      const answers = {};
      for (const name of data.questions) answers[name] = given[name];
      state.answers.push({ trial: one.id, answers, milliseconds: Date.now() - first, plays });
      remember();
      forget(files);
      next();
    }
    function begin() {
      status.textContent = words.loading;
      load(videos, files).then(() => {
        status.textContent = words.watch;
        starts.forEach(b => { b.disabled = false; });
        const later = list[i + 1];
        if (later && !onDisk) later.videos.map(film).forEach(file => address(file).catch(() => {}));
      }, () => status.replaceChildren(words.not_loaded + " ", button(words.retry, begin)));
    }

    onKey = (key, event) => {
      if (key === " " && starts.length === 1) starts[0].click();
      else if (key === "1" && starts.length === 2) starts[0].click();
      else if (key === "2" && starts.length === 2) starts[1].click();
      else if (key === "Enter") { if (event.target.tagName !== "BUTTON" || event.target.dataset.answer) finish(); else return; }
      else {
        const value = pair ? { ArrowLeft: "left", ArrowDown: "tie", ArrowRight: "right" }[key] : /^[1-5]$/.test(key) ? key : undefined;
        const open = questions.find(q => !(q.name in given)) || questions[questions.length - 1];
        const chosen = open.row.find(b => b.dataset.answer === value);
        if (!chosen || chosen.disabled) return;
        chosen.click();
      }
      event.preventDefault();
    };

    const shown = together || !pair
      ? [make("div", { class: "video one" }, ...videos, ...starts)]
      : videos.map((video, k) => make("div", { class: "video" }, make("div", { class: "letter" }, "AB"[k]), video, starts[k]));
    videos[0].classList.add("front");
    const letter = together ? [make("p", { class: "hint" }, "A → B")] : [];
    show("trial", make("h1", {}, filled(words.progress, { n: i + 1, of: list.length })), progress, make("div", { class: "videos" }, ...shown), ...letter, status,
      ...questions.map(q => q.element), make("p", { class: "hint keys" }, !pair ? words.keys_single : together ? words.keys_both : words.keys_pair), make("p", { class: "go" }, go));
    begin();
  }

  // -- handing in -----------------------------------------------------------------------------------

  function checksum(text) {
    let value = 0xcbf29ce484222325n;
    for (const byte of new TextEncoder().encode(text)) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
    return value.toString(16).padStart(16, "0");
  }
  function ballot() {
    const { rater, list, language, started, finished, beeps, answers } = state;
    const whole = { schema: 1, study: data.study, rater, list, language, started, finished, beeps, answers };
    whole.check = checksum(JSON.stringify(whole));
    return JSON.stringify(whole);
  }

  function done() {
    const text = ballot(), file = URL.createObjectURL(new Blob([text + "\n"], { type: "application/json" }));
    const said = make("p", { role: "status", id: "said" });
    const written = make("textarea", { readonly: true, "aria-label": words.copy_text });
    written.value = text;
    const copy = button(words.copy_text, async () => {
      try { await navigator.clipboard.writeText(text); } catch { written.select(); document.execCommand("copy"); }
      said.textContent = words.copied;
    }, { id: "copy" });
    const save = button(words.download, () => make("a", { href: file, download: "answers-" + state.rater + ".json" }).click(), { id: "download", class: data.post ? "" : "main" });
    const send = button(words.send, async () => {
      send.disabled = true;
      said.textContent = words.sending;
      try {
        // text/plain asks the receiver for nothing beforehand (no CORS preflight)
        const answer = await fetch(data.post, { method: "POST", body: text, headers: { "Content-Type": "text/plain" }, credentials: "omit", referrerPolicy: "no-referrer" });
        if (!answer.ok) throw new Error(answer.status);
        said.textContent = words.sent;
      } catch { said.textContent = words.not_sent; send.disabled = false; }
    }, { id: "send", class: "main" });
    show("words", make("h1", {}, words.done), make("div", { class: "stack" }, ...(data.post ? [send] : []), save, copy, written), said);
  }

  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(SELECT|TEXTAREA|INPUT)$/.test(event.target.tagName)) return;
    if (event.key === " " && event.target.tagName === "BUTTON" && !event.target.dataset.answer && event.target.id !== "play") return;
    onKey(event.key, event);
  });
  document.documentElement.className = "js";
  next();
})();
