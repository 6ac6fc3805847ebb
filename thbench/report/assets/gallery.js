// Every clip that has players as a row of small videos; they load when they come into sight.
"use strict";
(() => {
  function figure(index, data, clip, watch) {
    const video = thb.el("video", { muted: true, loop: true, playsinline: true, preload: "none", "aria-label": thb.named(index),
      "data-src": thb.file("video/" + encodeURIComponent(data.folder) + "/" + encodeURIComponent(data.file)) });
    video.muted = true;
    watch.observe(video);
    return thb.el("figure", {}, video, thb.el("figcaption", {}, thb.el("span", { class: "swatch", style: "background:" + thb.colour(index) }), thb.named(index)));
  }

  async function row(clip, watch) {
    const { ids, files } = thb.data.core.clips, entrants = thb.data.core.entrants;
    const data = await thb.load("clip-" + (files[clip] || ids[clip])).catch(() => null);
    if (!data) return null;
    const shown = entrants.map((e, i) => i).filter(i => (entrants[i].truth || entrants[i].kind === "system") && data.videos[i])
      .sort((x, y) => entrants[x].size - entrants[y].size || entrants[y].truth - entrants[x].truth || x - y);
    return thb.el("section", {}, thb.el("h3", {}, thb.el("a", { href: thb.link("clip", ids[clip]) }, ids[clip])),
      thb.el("div", { class: "row" }, shown.map(i => data.videos[i].failure
        ? thb.el("figure", {}, thb.el("div", { class: "absent" }, "no video: " + data.videos[i].failure), thb.el("figcaption", {}, thb.named(i)))
        : figure(i, data.videos[i], clip, watch))));
  }

  thb.views.gallery = async () => {
    const box = document.getElementById("gallery");
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const watch = new IntersectionObserver(seen => {
      for (const { target, isIntersecting } of seen) {
        if (isIntersecting && !target.src) target.src = target.dataset.src;
        if (isIntersecting && !still && !thb.paused) target.play().catch(() => null); else target.pause();
      }
    });
    const stop = thb.el("button", { type: "button", class: "more", onclick: () => {
      thb.paused = !thb.paused; stop.textContent = thb.paused ? "play" : "pause";
      for (const v of box.querySelectorAll("video")) { if (thb.paused) v.pause(); else if (v.src) v.play().catch(() => null); }
    } }, thb.paused ? "play" : "pause");
    let left = false;
    thb.leave = () => { left = true; watch.disconnect(); for (const v of box.querySelectorAll("video")) v.pause(); };
    const rows = thb.el("div", { class: "gallery" });
    box.replaceChildren(stop, rows);
    for (const clip of thb.data.core.playing) {
      const made = await row(clip, watch);
      if (left) return;
      if (made) rows.append(made);
    }
    if (!rows.children.length) box.replaceChildren(thb.el("p", {}, "No clip has players in this report."));
  };
})();
