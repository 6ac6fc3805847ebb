// Curves under the players, each with the playhead in it where it runs over time.
"use strict";
(() => {
  const WIDTH = 1000, HEIGHT = 110;

  // Motion and brightness first, then every array that a metric kept of any of these videos.
  function charts(entrants, videos) {
    const found = new Map();
    const put = (name, over, entrant, start, values, axis, at) => {
      if (!found.has(name)) found.set(name, { name, over, axis, lines: [] });
      found.get(name).lines.push({ entrant, values, at: at || values.map((_, k) => k + start) });
    };
    for (const [name, words] of [["motion", "motion: mean |difference| to the frame before, grey levels"], ["brightness", "brightness: mean grey level"]])
      for (const i of entrants) put(words, true, i, 0, videos[i].curves[name]);
    for (const i of entrants) for (const a of videos[i].arrays) put(`${a.metric}: ${a.name.replaceAll("_", " ")}`, a.start !== null, i, a.start ?? 0, a.values, a.axis, a.at);
    return [...found.values()];
  }

  function path(line, x, y) {
    let text = "", pen = "M";
    line.values.forEach((v, k) => {
      if (v === null) { pen = "M"; return; }
      text += `${pen}${x(line.at[k]).toFixed(1)},${y(v).toFixed(1)}`; pen = "L";
    });
    return text;
  }

  function drawn(chart, n, seek) {
    const all = chart.lines.flatMap(l => l.values).filter(v => v !== null);
    if (!all.length) return null;
    const low = Math.min(...all), high = Math.max(...all), span = high - low || 1;
    const places = chart.lines.flatMap(l => l.at), from = chart.over ? -0.5 : Math.min(...places), to = chart.over ? n - 0.5 : Math.max(...places);
    const x = k => (k - from) / (to - from || 1) * WIDTH, y = v => HEIGHT - 6 - (v - low) / span * (HEIGHT - 12);
    const zero = chart.axis && from < 0 && to > 0 ? [thb.svg("line", { x1: x(0), x2: x(0), y1: 0, y2: HEIGHT, class: "zero" })] : [];
    const head = thb.svg("line", { x1: 0, x2: 0, y1: 0, y2: HEIGHT, class: "playhead" });
    const lines = chart.lines.map(l => thb.svg("path", { d: path(l, x, y), fill: "none", stroke: thb.colour(l.entrant), "stroke-dasharray": thb.dashes(l.entrant), class: "curve" }, thb.svg("title", {}, thb.named(l.entrant))));
    const picture = thb.svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": chart.name }, ...zero, ...lines, ...(chart.over ? [head] : []));
    if (chart.over) picture.addEventListener("click", event => {
      const box = picture.getBoundingClientRect();
      seek(Math.floor((event.clientX - box.left) / box.width * n));
    });
    const now = thb.el("span", { class: "now" });
    const element = thb.el("div", { class: "chart" + (chart.over ? " over" : "") },
      thb.el("div", { class: "chart-head" }, thb.el("b", {}, chart.name), chart.over ? now : thb.el("span", { class: "now" }, ...chart.lines.map(l => thb.el("span", {}, thb.el("span", { class: "swatch", style: "background:" + thb.colour(l.entrant) }), thb.named(l.entrant))), ` · ${chart.axis || "entries"} ${thb.number(from)} … ${thb.number(to)}${zero.length ? ", 0 dashed" : ""}`)),
      thb.el("div", { class: "plot" }, thb.el("span", { class: "high" }, thb.number(high)), thb.el("span", { class: "low" }, thb.number(low)), picture));
    const show = frame => {
      if (!chart.over) return;
      head.setAttribute("x1", x(frame)); head.setAttribute("x2", x(frame));
      now.replaceChildren(...chart.lines.map(l => thb.el("span", { title: thb.named(l.entrant) }, thb.el("span", { class: "swatch", style: "background:" + thb.colour(l.entrant) }), thb.named(l.entrant) + " ",
        thb.number(l.values[Math.round(frame - l.at[0])] ?? null))));
    };
    return { element, show };
  }

  thb.curves = (entrants, videos, n, seek) => {
    const made = charts(entrants, videos).map(c => drawn(c, n, seek)).filter(Boolean);
    const none = entrants.every(i => !videos[i].arrays.length);
    const element = thb.el("div", { class: "curves" }, made.map(m => m.element),
      none ? thb.el("p", { class: "hint" }, "Arrays that metrics kept of these videos are not in the cache of the machine this report was made on.") : "");
    return { element, show: frame => made.forEach(m => m.show(frame)) };
  };
})();
