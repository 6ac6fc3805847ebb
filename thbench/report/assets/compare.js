// Two systems clip by clip, and means by label.
"use strict";
(() => {
  const PLOT = 360, EDGE = 58;

  function chosen(place, entrants, columns) {
    const number = (name, or) => { const v = place.query.get(name); return v !== null && entrants[Number(v)] ? Number(v) : or; };
    const systems = entrants.map((e, i) => i).filter(i => entrants[i].kind === "system");
    const a = number("a", systems[0] ?? 0), same = i => entrants[i].size === entrants[a].size && i !== a;
    const b = number("b", systems.find(same) ?? thb.truthOf(a) ?? entrants.findIndex((e, i) => same(i)));
    const column = columns.find(c => c.name === place.query.get("by")) || columns.find(c => c.name === thb.data.core.first) || columns[0];
    return { a, b, column };
  }

  const shared = (a, b, name) => thb.data.core.clips.ids.map((_, i) => i).map(i =>
    [i, (thb.data["rows-" + a].values[name] || [])[i] ?? null, (thb.data["rows-" + b].values[name] || [])[i] ?? null])
    .filter(([, x, y]) => x !== null && y !== null);

  function scatter(points, a, b) {
    const all = points.flatMap(([, x, y]) => [x, y]), low = Math.min(...all), high = Math.max(...all), span = high - low || 1;
    const from = low - 0.05 * span, to = high + 0.05 * span;
    const px = v => EDGE + (v - from) / (to - from) * (PLOT - EDGE - 8), py = v => PLOT - EDGE - (v - from) / (to - from) * (PLOT - EDGE - 8);
    const axis = [low, high].flatMap(v => [
      thb.svg("text", { x: px(v), y: PLOT - EDGE + 16, "text-anchor": "middle", class: "tick" }, thb.number(v)),
      thb.svg("text", { x: EDGE - 6, y: py(v) + 4, "text-anchor": "end", class: "tick" }, thb.number(v))]);
    const dots = points.map(([clip, x, y]) => {
      const id = thb.data.core.clips.ids[clip];
      const link = thb.svg("a", { href: thb.link("clip", id) },
        thb.svg("circle", { cx: px(x), cy: py(y), r: 4, fill: thb.colour(a) }, thb.svg("title", {}, `${id}: ${thb.number(x)} and ${thb.number(y)}`)));
      return link;
    });
    return thb.svg("svg", { viewBox: `0 0 ${PLOT} ${PLOT}`, class: "scatter", role: "group", "aria-label": "clip by clip" },
      thb.svg("rect", { x: EDGE, y: 8, width: PLOT - EDGE - 8, height: PLOT - EDGE - 8, class: "frame" }),
      thb.svg("line", { x1: px(from), y1: py(from), x2: px(to), y2: py(to), class: "diagonal" }), ...axis, ...dots,
      thb.svg("text", { x: (PLOT + EDGE) / 2, y: PLOT - 8, "text-anchor": "middle", class: "axis" }, thb.named(a, [a, b])),
      thb.svg("text", { x: 14, y: PLOT / 2 - 20, "text-anchor": "middle", class: "axis", transform: `rotate(-90 14 ${PLOT / 2 - 20})` }, thb.named(b, [a, b])));
  }

  function wins(points, column, a, b) {
    let first = 0, second = 0;
    for (const [clip, x, y] of points) {
      const p = thb.badness(column, a, clip, x), q = thb.badness(column, b, clip, y);
      if (p !== null && q !== null && p !== q) p < q ? first++ : second++;
    }
    return column.better ? `${thb.named(a, [a, b])} is better in ${first} of ${points.length} clips, ${thb.named(b, [a, b])} in ${second}.` : "";
  }

  function tested(a, b, column) {
    const pair = thb.data.pairs.find(p => (p.a === a && p.b === b) || (p.a === b && p.b === a));
    const found = pair && pair.columns[column.name];
    if (!found) return "No test: only systems and the ground truth of one resolution are compared.";
    const sign = pair.a === a ? 1 : -1, ends = [found.low, found.high].map(v => v === null ? null : sign * v).sort((x, y) => x - y);
    const interval = found.low === null ? found.note || "no interval" : `95% interval ${thb.number(ends[0])} … ${thb.number(ends[1])}`;
    return `Mean difference ${thb.number(sign * found.difference)} (${interval}), permutation test over actors p = ${found.p === null ? "–" : found.p}${found.smallest_p > 0.05 ? ` (${found.actors} actors can reach no less than ${found.smallest_p})` : ""}, ` +
      `${found.n} clips of ${found.actors} actors.`;
  }

  function differences(points, a, b) {
    const sorted = [...points].sort((p, q) => Math.abs(q[1] - q[2]) - Math.abs(p[1] - p[2])).slice(0, 50);
    const ids = thb.data.core.clips.ids;
    return thb.el("div", { class: "scroll" }, thb.el("table", { class: "rows" },
      thb.el("thead", {}, thb.el("tr", {}, ["clip", thb.named(a, [a, b]), thb.named(b, [a, b]), "first − second"].map((t, i) => thb.el("th", { scope: "col", class: i ? "num" : null }, t)))),
      thb.el("tbody", {}, sorted.map(([clip, x, y]) => thb.el("tr", {}, thb.el("th", { scope: "row" }, thb.el("a", { href: thb.link("clip", ids[clip]) }, ids[clip])),
        [x, y, x - y].map(v => thb.el("td", { class: "num" }, thb.number(v))))))));
  }

  thb.views.compare = async place => {
    const { entrants, columns } = thb.data.core, box = document.getElementById("compare");
    const { a, b, column } = chosen(place, entrants, columns);
    if (!column || b < 0) { box.replaceChildren("Two rows with numbers per clip are needed."); return; }
    const change = name => v => { location.hash = thb.link("compare", "", { a, b, by: column.name, [name]: v }); };
    const options = entrants.map((e, i) => [i, thb.named(i)]);
    const form = thb.el("form", { class: "controls" }, thb.select("compare", options, a, change("a")), thb.select("with", options, b, change("b")),
      thb.select("number", columns.map(c => [c.name, c.name]), column.name, change("by")));
    box.replaceChildren(form);
    const here = location.hash;
    await Promise.all([thb.load("pairs"), ...[...new Set([a, b, thb.truthOf(a), thb.truthOf(b)])].filter(i => i !== null).map(i => thb.load("rows-" + i))]);
    if (location.hash !== here) return; // another choice was made meanwhile
    const points = shared(a, b, column.name);
    if (!points.length) { box.append(thb.el("p", {}, "They share no clip with this number.")); return; }
    box.append(thb.meaning(column), thb.el("p", {}, tested(a, b, column), " ", wins(points, column, a, b)),
      thb.el("div", { class: "beside" }, scatter(points, a, b), differences(points, a, b)));
  };

  thb.views.breakdown = async place => {
    const box = document.getElementById("breakdown"), { entrants, columns } = thb.data.core;
    const all = await thb.load("breakdown"), names = Object.keys(all);
    if (!names.length || !columns.length) { box.replaceChildren(thb.el("p", {}, "The clips carry no labels that differ.")); return; }
    const label = names.includes(place.query.get("label")) ? place.query.get("label") : names[0];
    const column = columns.find(c => c.name === place.query.get("by")) || columns.find(c => c.name === thb.data.core.first) || columns[0];
    const found = all[label], held = Object.keys(found.cells).map(Number).filter(i => column.name in found.cells[i]);
    const sizes = [...new Set(entrants.map(e => e.size))], asked = Number(place.query.get("px"));
    const size = sizes.includes(asked) ? asked : (entrants[held[0]] || entrants[0]).size;
    const shown = held.filter(i => entrants[i].size === size).sort((i, j) => rank(entrants[i]) - rank(entrants[j]) || i - j);
    const change = name => v => { location.hash = thb.link("breakdown", "", { label, by: column.name, px: size, [name]: v }); };
    const head = thb.el("tr", {}, thb.el("th", { scope: "col" }, label), thb.el("th", { scope: "col", class: "num" }, "clips"),
      shown.map(i => thb.el("th", { scope: "col", class: "num" }, thb.el("span", { class: "swatch", style: "background:" + thb.colour(i) }), entrants[i].name)));
    const body = found.values.map((value, v) => thb.el("tr", {},
      thb.el("th", { scope: "row" }, thb.el("a", { href: thb.link("clips", "", { ["f." + label]: value, by: column.name, of: shown[0] }) }, value || "–")),
      thb.el("td", { class: "num" }, String(found.clips[v])),
      shown.map(i => mean(found.cells[i][column.name][v], found.clips[v], thb.link("clips", "", { ["f." + label]: value, by: column.name, of: i })))));
    box.replaceChildren(thb.el("form", { class: "controls" }, thb.select("by", names.map(n => [n, n]), label, change("label")),
      thb.select("number", columns.map(c => [c.name, c.name]), column.name, change("by")),
      sizes.length > 1 ? thb.select("at", sizes.map(s => [s, s + " px"]), size, change("px")) : ""),
      thb.meaning(column),
      thb.el("p", { class: "hint" }, "Means over clips; small figures: 95% intervals over actors. A group of one actor has none, one of few has a wide one."),
      thb.el("div", { class: "scroll" }, thb.el("table", { class: "rows" }, thb.el("thead", {}, head), thb.el("tbody", {}, body))));
  };

  // Systems in their places, the ground truth, the other controls.
  const rank = e => e.kind === "system" ? 0 : e.truth ? 1 : 2;

  function mean([value, low, high, n], clips, rows) {
    return thb.el("td", { class: "num" }, thb.el("a", { href: rows }, thb.number(value)),
      low === null ? "" : thb.el("small", {}, `${thb.number(low)} … ${thb.number(high)}`),
      n < clips ? thb.el("small", {}, `${n} of ${clips}`) : "");
  }
})();
