// Finding clips: search, labels, the worst and the best of a number; rows load on demand.
"use strict";
(() => {
  const PAGE = 100;
  let many = PAGE;

  const go = (query, changes) => {
    const now = Object.fromEntries(query);
    location.hash = thb.link("clips", "", { ...now, ...changes });
  };

  // "20–29" of a breakdown is a range, anything else the value itself.
  function fits(value, wanted) {
    const range = /^(-?\d+)–(-?\d+)$/.exec(wanted);
    return value === wanted || Boolean(range && value !== "" && Number(value) >= Number(range[1]) && Math.floor(Number(value)) <= Number(range[2]));
  }

  // Every word must occur in the id or a label; `f.emotion=ANG` picks one value.
  function found(query) {
    const { ids, labels } = thb.data.core.clips;
    const words = (query.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = [...query].filter(([k, v]) => k.startsWith("f.") && v).map(([k, v]) => [k.slice(2), v]);
    return ids.map((_, i) => i).filter(i => {
      const text = (ids[i] + " " + thb.labels(i).map(([n, v]) => n + ":" + v + " " + v).join(" ")).toLowerCase();
      return words.every(w => text.includes(w)) && wanted.every(([n, v]) => {
        const l = labels[n]; return l && fits(l.values[l.codes[i]], v);
      });
    });
  }

  function ordered(clips, column, of, order) {
    const { ids } = thb.data.core.clips;
    if (order === "name" || !column) return clips;
    const values = (thb.data["rows-" + of] || { values: {} }).values[column.name] || [];
    const worth = i => {
      const v = values[i] ?? null;
      return order === "high" || order === "low" ? v : thb.badness(column, of, i, v);
    };
    const direction = order === "worst" || order === "high" ? -1 : 1;
    return [...clips].sort((a, b) => thb.compare(worth(a), worth(b), direction) || ids[a].localeCompare(ids[b]));
  }

  function controls(place, column, of, order) {
    const { columns, entrants, clips } = thb.data.core, query = place.query;
    const search = thb.el("input", {
      type: "search", id: "search", placeholder: "clip, actor, emotion …", value: query.get("q") || "",
      "aria-label": "Search clips", oninput: () => { many = PAGE; history.replaceState(null, "", thb.link("clips", "", { ...Object.fromEntries(thb.place().query), q: search.value })); table(); },
    });
    const table = () => draw(thb.place());
    const filters = Object.entries(clips.labels).filter(([, l]) => l.values.length > 1 && l.values.length <= 100)
      .map(([name, l]) => thb.select(name, [["", "all"], ...l.values.map(v => [v, v || "–"])], query.get("f." + name) || "",
        v => go(thb.place().query, { ["f." + name]: v })));
    const orders = column && column.better ? [["worst", "worst first"], ["best", "best first"]] : [["high", "highest first"], ["low", "lowest first"]];
    return thb.el("form", { class: "controls", onsubmit: e => e.preventDefault() },
      search,
      thb.select("number", columns.map(c => [c.name, c.name]), column ? column.name : "", v => go(thb.place().query, { by: v, order: "" })),
      thb.select("of", entrants.map((e, i) => [i, thb.named(i)]), of, v => go(thb.place().query, { of: v })),
      thb.select("order", [...orders, ["name", "by name"]], order, v => go(thb.place().query, { order: v })),
      thb.el("details", { class: "filters", open: [...query].some(([k, v]) => k.startsWith("f.") && v) }, thb.el("summary", {}, "labels"), filters));
  }

  function state(place) {
    const { columns, entrants } = thb.data.core;
    const column = columns.find(c => c.name === place.query.get("by")) || columns.find(c => c.name === thb.data.core.first) || columns[0];
    const first = entrants.findIndex(e => e.kind === "system");
    const asked = place.query.get("of");
    const of = asked !== null && entrants[Number(asked)] ? Number(asked) : Math.max(first, 0);
    const order = place.query.get("order") || (column && column.better ? "worst" : "high");
    return { column, of, order };
  }

  function meaning(column, of, query) {
    const note = query.get("set");
    const lines = [];
    if (note) lines.push(thb.el("p", { class: "note" }, thb.el("a", { href: thb.card(note) }, note),
      " belongs to the whole set of clips and has no value per clip. Below: what there is per clip."));
    if (column) lines.push(thb.meaning(column));
    if (column && !(column.name in (thb.data["rows-" + of] || { values: {} }).values))
      lines.push(thb.el("p", { class: "note" }, `${thb.named(of)} has no ${column.name} of single clips.`));
    return lines;
  }

  function draw(place) {
    const { column, of, order } = state(place);
    const { entrants, clips } = thb.data.core;
    const size = entrants[of] ? entrants[of].size : 0;
    const shown = entrants.map((e, i) => i).filter(i => entrants[i].size === size && (i === of || entrants[i].truth || entrants[i].kind === "system") && thb.data["rows-" + i] &&
      (!column || column.name in thb.data["rows-" + i].values));
    const list = ordered(found(place.query), column, of, order);
    const names = Object.keys(clips.labels).filter(n => clips.labels[n].values.length > 1);
    const head = thb.el("tr", {}, thb.el("th", { scope: "col" }, "clip"), names.map(n => thb.el("th", { scope: "col", class: "label" }, n)),
      shown.map(i => thb.el("th", { scope: "col", class: "num", "aria-sort": i === of && order !== "name" ? (order === "best" || order === "low" ? "ascending" : "descending") : null },
        thb.el("button", { onclick: () => go(thb.place().query, { of: i, order: i === of && order === "worst" ? "best" : i === of && order === "high" ? "low" : i === of && order === "low" ? "high" : order === "name" ? "" : i === of ? "worst" : order }) },
          thb.el("span", { class: "swatch", style: "background:" + thb.colour(i) }), thb.named(i, shown)))));
    const body = list.slice(0, many).map(clip => {
      const link = thb.link("clip", clips.ids[clip], { by: column ? column.name : "", of });
      return thb.el("tr", {},
        thb.el("th", { scope: "row" }, thb.el("a", { href: link }, clips.ids[clip])),
        names.map(n => thb.el("td", { class: "label" }, clips.labels[n].values[clips.labels[n].codes[clip]])),
        shown.map(i => cell(i, clip, column, link, i === of)));
    });
    const more = list.length > many ? thb.el("button", { class: "more", onclick: () => { many += 5 * PAGE; draw(thb.place()); } },
      `show more (${list.length - many} left)`) : null;
    document.getElementById("clips-count").textContent = `${list.length} of ${clips.ids.length} clips`;
    document.getElementById("clips-meaning").replaceChildren(...meaning(column, of, place.query));
    document.getElementById("clips-table").replaceChildren(thb.el("div", { class: "scroll" },
      thb.el("table", { class: "rows" }, thb.el("thead", {}, head), thb.el("tbody", {}, body))), more || "");
  }

  function cell(i, clip, column, link, chosen) {
    const rows = thb.data["rows-" + i], value = column ? (rows.values[column.name] || [])[clip] ?? null : null;
    const why = value === null ? rows.reasons[clip] || "" : String(value);
    return thb.el("td", { class: "num" + (chosen ? " chosen" : ""), title: why }, value === null && !why ? "–" :
      thb.el("a", { href: link }, thb.number(value)));
  }

  thb.views.clips = async place => {
    many = PAGE;
    const { column, of, order } = state(place);
    const size = thb.data.core.entrants[of] ? thb.data.core.entrants[of].size : 0;
    document.getElementById("clips-controls").replaceChildren(controls(place, column, of, order));
    await Promise.all(thb.data.core.entrants.map((e, i) => e.size === size ? thb.load("rows-" + i).catch(() => null) : null));
    if (thb.place().view === "clips") draw(thb.place());
  };
})();
