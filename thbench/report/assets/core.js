// Shared by all views: data that loads on demand, elements, numbers, and which view is shown.
"use strict";
const thb = {
  data: {}, waiting: {}, views: {}, files: {},

  // A page in one file carries what would lie next to it.
  file(path) { return thb.files[path] || path; },

  // Data files call this. A page opened from a disk may not fetch, so they come as scripts.
  put(name, data) { thb.data[name] = data; },

  load(name) {
    if (name in thb.data) return Promise.resolve(thb.data[name]);
    if (!(name in thb.waiting)) {
      thb.waiting[name] = new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = "data/" + encodeURIComponent(name) + ".js";
        script.onload = () => resolve(thb.data[name]);
        script.onerror = () => { delete thb.waiting[name]; reject(new Error(name + " is not in this report")); };
        document.head.append(script);
      });
    }
    return thb.waiting[name];
  },

  // Text from outside enters a page here only, as text.
  el(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter(c => c !== null && c !== undefined));
    return element;
  },

  svg(tag, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    element.append(...children);
    return element;
  },

  number(value) {
    if (value === null || value === undefined) return "–";
    if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)) return value.toExponential(1);
    return String(Number(value.toPrecision(4)));
  },

  select(label, options, chosen, change) {
    const box = thb.el("select", { onchange: () => change(box.value) },
      options.map(([value, text]) => thb.el("option", { value, selected: String(value) === String(chosen) }, text)));
    return thb.el("label", {}, label, " ", box);
  },

  // "#clip/ID?of=1" -> { view: "clip", what: "ID", query: URLSearchParams }
  place() {
    const [path, query] = (location.hash.slice(1) || "overview").split("?");
    const [view, ...rest] = path.split("/");
    return { view, what: thb.decoded(rest.join("/")), query: new URLSearchParams(query || "") };
  },

  decoded(text) { try { return decodeURIComponent(text); } catch { return text; } }, // somebody's cut-off address

  link(view, what, query) {
    const words = new URLSearchParams(Object.entries(query || {}).filter(([, v]) => v !== "" && v !== null && v !== undefined)).toString();
    return "#" + view + (what ? "/" + encodeURIComponent(what) : "") + (words ? "?" + words : "");
  },

  card(column) { return column === null || column === undefined ? null : thb.link("metrics", column); },

  labels(index) {
    return Object.entries(thb.data.core.clips.labels).map(([name, l]) => [name, l.values[l.codes[index]]]);
  },

  // Smaller is better; null where the direction is unknown.
  badness(column, entrant, clip, value) {
    if (value === null || value === undefined) return null;
    if (column.better === "lower") return value;
    if (column.better === "higher") return -value;
    const truth = thb.truthOf(entrant), rows = truth === null ? null : thb.data["rows-" + truth];
    const beside = rows && rows.values[column.name] ? rows.values[column.name][clip] : null;
    return column.better && beside !== null && beside !== undefined ? Math.abs(value - beside) : null;
  },

  truthOf(entrant) {
    const all = thb.data.core.entrants, found = all.findIndex(e => e.truth && e.size === all[entrant].size);
    return found < 0 ? null : found;
  },

  // The resolution is said where entrants of several stand beside one another: all, or those `among`.
  named(index, among) {
    const all = thb.data.core.entrants, sizes = new Set(among ? among.map(i => all[i].size) : all.map(e => e.size));
    return all[index].name + (sizes.size > 1 ? " · " + all[index].size + " px" : "");
  },

  // A number's own direction and meaning, with the way to its card.
  meaning(column) {
    const card = column.card ? document.getElementById("card-" + column.card) : null;
    const words = card ? card.dataset.about : "";
    const better = { lower: ", lower is better", higher: ", higher is better", "nearer-reference": ", nearer to the clip's ground truth is better" };
    return thb.el("p", { class: "meaning" },
      column.card ? thb.el("a", { href: thb.card(column.card) }, column.name) : thb.el("b", {}, column.name),
      column.unit ? ", " + column.unit : "", column.better ? better[column.better] : "",
      words ? ". " + words[0].toUpperCase() + words.slice(1) : "");
  },

  // The ground truth is drawn in the colour of letters, which a dark page makes light.
  colour(index) { const e = thb.data.core.entrants[index]; return e.truth ? "var(--chart)" : e.colour; },

  // Lines of one colour at several resolutions, as the ground truths are, differ in their dashes.
  dashes(index) {
    const sizes = [...new Set(thb.data.core.entrants.map(e => e.size))].sort((x, y) => x - y);
    return ["", "7 4", "2 3", "9 3 2 3"][sizes.indexOf(thb.data.core.entrants[index].size) % 4];
  },

  // Tables wider than their place say so, and can be scrolled by keys.
  cut() {
    for (const box of document.querySelectorAll(".scroll")) {
      const wide = box.scrollWidth > box.clientWidth + 1;
      box.classList.toggle("cut", wide && box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
      if (wide) { box.tabIndex = 0; box.setAttribute("role", "group"); box.setAttribute("aria-label", "table, scrolls sideways"); }
      else { box.removeAttribute("tabindex"); box.removeAttribute("role"); box.removeAttribute("aria-label"); }
      if (!box.dataset.watched) { box.dataset.watched = "1"; box.addEventListener("scroll", () => box.classList.toggle("cut", box.scrollLeft + box.clientWidth < box.scrollWidth - 1), { passive: true }); }
    }
  },

  route() {
    const place = thb.place();
    if (!document.getElementById("view-" + place.view) && document.getElementById(place.view)) return; // a plain anchor
    const view = document.getElementById("view-" + place.view) ? place.view : "overview";
    for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== "view-" + view;
    for (const link of document.querySelectorAll("nav a")) {
      const of = link.getAttribute("href").slice(1).split("?")[0];
      if (of === view || (of === "clips" && view === "clip")) {
        link.setAttribute("aria-current", "page");
        link.scrollIntoView({ block: "nearest", inline: "nearest" });
      } else link.removeAttribute("aria-current");
    }
    if (thb.leave) { thb.leave(); thb.leave = null; }
    if (thb.views[view]) thb.views[view](place);
    for (const card of document.querySelectorAll(".card.pointed")) card.classList.remove("pointed");
    if (view === "metrics" && place.what) {
      const card = document.getElementById("card-" + place.what);
      if (card) { card.open = true; card.scrollIntoView(); card.classList.add("pointed"); }
    } else if (thb.shown !== view + place.what) window.scrollTo(0, 0);
    thb.shown = view + place.what;
    thb.cut();
  },

  // Tables drawn by the server sort by the number in data-sort, then by text; missing values stay last.
  sortable(table) {
    table.querySelectorAll("thead button[data-column]").forEach(button => button.addEventListener("click", () => {
      const column = Number(button.dataset.column), head = button.closest("th");
      const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      table.querySelectorAll("th[aria-sort]").forEach(th => th.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      for (const body of table.tBodies) {
        const rows = [...body.rows].filter(r => r.cells.length > column);
        rows.sort((a, b) => thb.compare(a.cells[column].dataset.sort ?? a.cells[column].textContent,
          b.cells[column].dataset.sort ?? b.cells[column].textContent, direction));
        body.append(...rows);
      }
    }));
  },

  compare(a, b, direction) {
    const missing = v => v === null || v === undefined || v === "";
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    const x = Number(a), y = Number(b);
    return direction * (Number.isNaN(x) || Number.isNaN(y) ? String(a).localeCompare(String(b)) : x - y);
  },
};

addEventListener("hashchange", thb.route);
addEventListener("resize", thb.cut);
addEventListener("DOMContentLoaded", () => {
  document.documentElement.classList.add("js");
  document.querySelectorAll("table.sortable").forEach(thb.sortable);
  document.querySelectorAll("button[data-all]").forEach(button => button.addEventListener("click", () => {
    const table = document.getElementById(button.dataset.all), all = table.classList.toggle("all");
    button.setAttribute("aria-pressed", all); button.textContent = all ? "headline scores only" : button.dataset.text;
    thb.cut();
  }));
  new MutationObserver(() => thb.cut()).observe(document.querySelector("main"), { childList: true, subtree: true });
  thb.route();
});
