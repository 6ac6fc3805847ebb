// Videos side by side under one transport. The one that is heard leads, so that its picture and its
// sound are in step by themselves. The others run a little ahead out of sight: their frames wait in a
// ring until the leader shows the same number, and all of them are drawn at once.
"use strict";
(() => {
  const FPS = 25, SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];
  const RING = 12, LEAD = 1.5 / FPS; // frames kept of each video; how far ahead of the leader the others run
  const middle = frame => (frame + 0.5) / FPS; // the middle of a frame: no rounding can miss it

  class Transport {
    constructor(videos, changed) {
      this.videos = videos; // [{ element, n, entrant }]
      this.changed = changed; // called with every new frame and state
      this.n = Math.max(...videos.map(v => v.n));
      this.frame = 0; this.speed = 1; this.loop = true; this.playing = false; this.heard = null;
      this.leader = videos[0]; this.reached = 0; this.busy = null; this.wanted = null; this.aim = null; this.ticket = 0;
      for (const v of videos) {
        v.element.muted = true; v.element.preservesPitch = true; v.ring = [];
        v.element.addEventListener("ended", () => {
          this.keep(v, v.n - 1); // a browser may skip the last frame's callback
          if (v === this.leader && this.playing) this.end();
        });
      }
    }

    async seek(frame) {
      this.wanted = Math.max(0, Math.min(this.n - 1, frame));
      if (!this.busy) this.busy = this.settle();
      await this.busy;
    }

    // One seek at a time: while videos are on their way only the newest wish is kept.
    async settle() {
      try {
        while (this.wanted !== null) {
          const frame = this.wanted; this.wanted = null;
          await Promise.all(this.videos.map(v => moved(v.element, middle(Math.min(frame, v.n - 1)))));
          for (const v of this.videos) this.keep(v, Math.min(frame, v.n - 1));
          this.reached = frame; this.show();
        }
      } finally { this.busy = null; }
    }

    async play() {
      if (this.frame >= this.leader.n - 1) await this.seek(0); else await this.seek(this.frame);
      this.playing = true; this.changed();
      for (const v of this.videos) v.element.playbackRate = this.speed;
      await Promise.all(this.videos.map(v => v.element.play().catch(() => null)));
      this.follow(++this.ticket);
    }

    async pause() {
      if (!this.playing) return;
      this.playing = false; this.ticket++;
      for (const v of this.videos) v.element.pause();
      await this.seek(this.frame);
    }

    toggle() { return this.playing ? this.pause() : this.play(); }
    // Every press counts, also while the one before is still on its way or a playing video stops.
    async step(by) {
      this.aim = Math.max(0, Math.min(this.n - 1, (this.aim ?? this.wanted ?? this.frame) + by));
      await this.pause();
      await this.seek(this.aim);
      if (!this.busy) this.aim = null;
    }

    async end() {
      this.playing = false; this.ticket++;
      for (const v of this.videos) v.element.pause();
      if (this.loop) { await this.seek(0); await this.play(); } else await this.seek(this.leader.n - 1);
    }

    hear(video) {
      for (const v of this.videos) v.element.muted = v !== video;
      this.heard = video; this.leader = video || this.videos[0];
      if (this.playing) this.follow(++this.ticket);
      this.changed();
    }

    faster(speed) {
      this.speed = speed;
      for (const v of this.videos) v.element.playbackRate = speed;
      this.changed();
    }

    follow(ticket) { for (const v of this.videos) this.watch(v, ticket); }

    watch(v, ticket) {
      v.element.requestVideoFrameCallback((_, data) => {
        if (ticket !== this.ticket || !this.playing) return;
        const frame = Math.round(data.mediaTime * FPS);
        // Called too late, the video may already show the next picture: this one is skipped everywhere.
        const late = performance.now() - data.expectedDisplayTime > 500 / FPS / this.speed;
        if (!late) this.keep(v, frame);
        if (v === this.leader) { this.reached = frame; this.align(); }
        this.show();
        this.watch(v, ticket);
      });
    }

    // The picture that the video shows now, under its number.
    keep(v, frame) {
      const slot = v.ring[frame % RING] ||= { picture: document.createElement("canvas"), frame: -1 };
      slot.picture.width = v.canvas.width; slot.picture.height = v.canvas.height;
      slot.picture.getContext("2d").drawImage(v.element, 0, 0, slot.picture.width, slot.picture.height);
      slot.frame = frame;
    }

    held(v, frame) {
      const wanted = Math.min(frame, v.n - 1), slot = v.ring[wanted % RING];
      return slot && slot.frame === wanted ? slot.picture : null;
    }

    // Draw the newest frame that every video has, up to the one the leader has reached.
    show() {
      for (let frame = this.reached; frame >= 0 && frame > this.reached - RING; frame--) {
        const pictures = this.videos.map(v => this.held(v, frame));
        if (pictures.every(Boolean)) {
          this.videos.forEach((v, k) => v.canvas.getContext("2d").drawImage(pictures[k], 0, 0));
          this.frame = Math.min(frame, this.n - 1);
          this.changed();
          return;
        }
      }
    }

    // Small gaps are closed by playing a little faster or slower, large ones by a jump.
    align() {
      const wanted = this.leader.element.currentTime + LEAD;
      for (const v of this.videos) {
        if (v === this.leader || v.element.ended || v.element.seeking) continue;
        const gap = wanted - v.element.currentTime;
        if (Math.abs(gap) > 6 / FPS) { v.element.currentTime = Math.min(wanted, middle(v.n - 1)); v.element.playbackRate = this.speed; } else {
          const push = Math.abs(gap) < 0.01 ? 0 : Math.max(-0.3, Math.min(0.3, 4 * gap));
          v.element.playbackRate = Math.max(0.0625, this.speed * (1 + push));
        }
      }
    }

    stop() { this.ticket++; this.playing = false; for (const v of this.videos) { v.element.pause(); v.element.removeAttribute("src"); v.element.load(); } }
  }

  // Resolves when the frame at `time` is there; a video that cannot seek must not hold up the others.
  function moved(element, time) {
    return new Promise(resolve => {
      const done = () => { element.removeEventListener("seeked", done); clearTimeout(limit); resolve(); };
      const limit = setTimeout(done, 3000);
      const start = () => { element.addEventListener("seeked", done); element.currentTime = time; };
      if (element.error) done();
      else if (element.readyState >= 1) start();
      else { element.addEventListener("loadedmetadata", start, { once: true }); element.addEventListener("error", done, { once: true }); }
    });
  }

  function tile(entrant, data, clip) {
    const name = thb.named(entrant), e = thb.data.core.entrants[entrant];
    const caption = thb.el("figcaption", {}, thb.el("span", { class: "swatch", style: "background:" + thb.colour(entrant) }), name,
      e.kind === "control" && !e.truth ? thb.el("em", {}, " control") : "");
    if (data.failure) return { figure: thb.el("figure", {}, thb.el("div", { class: "absent" }, "no video: " + data.failure), caption), size: e.size, video: null };
    const source = thb.file("video/" + encodeURIComponent(data.folder) + "/" + encodeURIComponent(data.file));
    const element = thb.el("video", { src: source, playsinline: true, preload: "auto", tabindex: -1, "aria-hidden": "true" });
    const canvas = thb.el("canvas", { width: data.size, height: data.size, role: "img", "aria-label": name });
    return { figure: thb.el("figure", { "data-entrant": entrant }, element, canvas, caption), size: e.size, video: { element, canvas, n: data.n, entrant, sound: data.sound } };
  }

  function bar(transport, clip) {
    const button = (label, title, action) => thb.el("button", { type: "button", title, "aria-label": title, onclick: action }, label);
    const play = button("▶", "play or pause (space)", () => transport.toggle()); play.id = "play";
    const slider = thb.el("input", { type: "range", min: 0, max: transport.n - 1, value: 0, "aria-label": "frame", oninput: async () => { await transport.pause(); transport.seek(Number(slider.value)); } });
    const count = thb.el("output", { id: "frame" });
    const speed = thb.select("speed", SPEEDS.map(s => [s, s + "×"]), 1, v => transport.faster(Number(v)));
    const heard = transport.videos.filter(v => v.sound);
    const sound = thb.select("sound", [["", "off"], ...heard.map(v => [v.entrant, thb.named(v.entrant)])], "",
      v => transport.hear(heard.find(h => String(h.entrant) === v) || null));
    sound.querySelector("select").id = "sound"; speed.querySelector("select").id = "speed";
    const link = button("link", "link: copy the address of this clip and frame", async () => {
      await transport.pause();
      history.replaceState(null, "", thb.link("clip", clip, { ...Object.fromEntries(thb.place().query), frame: transport.frame }));
      try { await navigator.clipboard.writeText(location.href); link.textContent = "copied"; } catch { link.textContent = "in the address bar"; }
      setTimeout(() => { link.textContent = "link"; }, 2000);
    });
    const loop = thb.el("input", { type: "checkbox", checked: true, onchange: () => { transport.loop = loop.checked; } });
    const show = () => {
      play.textContent = transport.playing ? "❚❚" : "▶"; slider.value = transport.frame;
      count.textContent = `frame ${transport.frame} of ${transport.n} · ${(transport.frame / FPS).toFixed(2)} s`;
    };
    const element = thb.el("div", { class: "transport", role: "toolbar", "aria-label": "transport" },
      button("|◀", "first frame (Home)", () => transport.step(-transport.n)), button("−1", "−1: one frame back (←)", () => transport.step(-1)), play,
      button("+1", "+1: one frame on (→)", () => transport.step(1)), slider, count, speed, sound, thb.el("label", {}, loop, " loop"), link);
    return { element, show, loop };
  }

  function keys(transport, parts, clip) {
    const neighbour = by => {
      const ids = thb.data.core.clips.ids, next = ids[ids.indexOf(clip) + by];
      if (next !== undefined) location.hash = thb.link("clip", next, Object.fromEntries(thb.place().query));
    };
    const bound = {
      " ": () => transport.toggle(), ArrowLeft: () => transport.step(-1), ArrowRight: () => transport.step(1),
      Home: () => transport.step(-transport.n), End: () => transport.step(transport.n), l: () => parts.loop.click(),
      n: () => neighbour(1), p: () => neighbour(-1),
    };
    const listener = event => {
      if (event.target.closest("input:not([type=range]):not([type=checkbox]), select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === " " && event.target.closest("button, a, summary") && event.target.id !== "play") return;
      const action = bound[event.key];
      if (action) { event.preventDefault(); action(); }
    };
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }

  function numbers(clip, index, entrants) {
    const columns = thb.data.core.columns;
    const row = column => thb.el("tr", {}, thb.el("th", { scope: "row" }, column.card ? thb.el("a", { href: thb.card(column.card) }, column.name) : column.name),
      entrants.map(i => value(i, column, index)));
    return thb.el("div", { class: "scroll" }, thb.el("table", { class: "rows", id: "clip-numbers" },
      thb.el("thead", {}, thb.el("tr", {}, thb.el("th", { scope: "col" }, "this clip"), entrants.map(i => thb.el("th", { scope: "col", class: "num" }, thb.named(i))))),
      thb.el("tbody", {}, columns.map(row))));
  }

  // A number leads to its rows: the same number of every clip.
  function value(entrant, column, index) {
    const found = ((thb.data["rows-" + entrant] || { values: {} }).values[column.name] || [])[index] ?? null;
    return thb.el("td", { class: "num", title: found === null ? "" : String(found) },
      found === null ? "–" : thb.el("a", { href: thb.link("clips", "", { by: column.name, of: entrant }) }, thb.number(found)));
  }

  // One row of players for each resolution, so that no two are compared by chance.
  function rows(tiles) {
    const sizes = [...new Set(tiles.map(t => t.size))];
    return sizes.map(size => thb.el("div", { class: "players" }, tiles.filter(t => t.size === size).map(t => t.figure)));
  }

  function heading(clip, index, place) {
    const ids = thb.data.core.clips.ids, query = Object.fromEntries(place.query);
    const beside = (by, text) => ids[index + by] === undefined ? thb.el("span", { class: "off" }, text) : thb.el("a", { href: thb.link("clip", ids[index + by], query) }, text);
    return [thb.el("p", { class: "crumbs" }, thb.el("a", { href: thb.link("clips", "", { by: query.by || "", of: query.of || "" }) }, "all clips"), " · ", beside(-1, "previous (p)"), " · ", beside(1, "next (n)")),
      thb.el("h2", {}, clip), thb.el("p", { class: "labels" }, thb.labels(index).filter(([, v]) => v).map(([n, v]) => thb.el("a", { href: thb.link("clips", "", { ["f." + n]: v, by: query.by || "" }) }, n + " " + v)))];
  }

  thb.views.clip = async place => {
    const box = document.getElementById("clip"), core = thb.data.core, clip = place.what, index = core.clips.ids.indexOf(clip);
    let left = false, undo = [];
    thb.leave = () => { left = true; undo.forEach(f => f()); };
    if (index < 0) { box.replaceChildren(thb.el("p", {}, "There is no clip ", clip)); return; }
    box.replaceChildren(...heading(clip, index, place));
    const file = core.clips.files[index] || clip;
    const [data] = await Promise.all([core.playing.includes(index) ? thb.load("clip-" + file).catch(() => null) : null, ...core.entrants.map((e, i) => thb.load("rows-" + i).catch(() => null))]);
    if (left) return;
    const controls = place.query.get("controls") === "1", asked = Number(place.query.get("of") ?? -1);
    const entrants = core.entrants.map((e, i) => i).filter(i => core.entrants[i].truth || core.entrants[i].kind === "system" || controls || i === asked)
      .sort((x, y) => core.entrants[x].size - core.entrants[y].size || core.entrants[y].truth - core.entrants[x].truth || x - y);
    if (!data) { box.append(thb.el("p", { class: "note" }, "No players were made for this clip. Run thbench report again without --no-videos and with more --clips."), numbers(clip, index, entrants)); return; }
    const toggle = thb.el("input", { type: "checkbox", checked: controls, id: "controls", onchange: () => { location.hash = thb.link("clip", clip, { ...Object.fromEntries(place.query), controls: toggle.checked ? "1" : "" }); } });
    const tiles = entrants.filter(i => data.videos[i]).map(i => tile(i, data.videos[i], clip));
    const videos = tiles.map(t => t.video).filter(Boolean);
    const grid = rows(tiles);
    if (!videos.length) { box.append(...grid, numbers(clip, index, entrants)); return; }
    let parts = null, curves = null;
    const transport = new Transport(videos, () => { if (parts) parts.show(); if (curves) curves.show(transport.frame); });
    parts = bar(transport, clip);
    curves = thb.curves(entrants.filter(i => data.videos[i] && !data.videos[i].failure), data.videos, transport.n, async frame => { await transport.pause(); transport.seek(frame); });
    thb.transport = transport; // for people and tests
    undo = [keys(transport, parts, clip), () => transport.stop()];
    box.append(...grid, parts.element, thb.el("p", { class: "hint" }, "Keys: space plays, ← → step, Home and End jump, l loops, n and p change the clip. ", thb.el("label", {}, toggle, " show all control rows")),
      curves.element, numbers(clip, index, entrants));
    parts.show();
    const asked_frame = Number(place.query.get("frame") || 0); // permalinks: #clip/ID?frame=12
    await transport.seek(Number.isFinite(asked_frame) ? Math.round(asked_frame) : 0);
  };
})();
