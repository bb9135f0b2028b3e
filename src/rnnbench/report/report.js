// Filters, groups and sorts what the page shows in full without it, and keeps its state in the address.
(() => {
  const settings = JSON.parse(document.getElementById("settings").textContent);
  const colors = JSON.parse(document.getElementById("colors").textContent);
  const controls = document.getElementById("controls"), legend = document.getElementById("legend");
  const table = document.getElementById("main"), body = table.tBodies[0], headers = [...table.tHead.rows[0].cells];
  const rows = [...body.rows], others = [...document.querySelectorAll("details tr[data-setting]")];
  const group = document.getElementById("group"), theme = document.getElementById("theme");
  const first = { column: headers.findIndex((th) => th.textContent === "score"), direction: "descending" };
  const view = { place: "furthest", part: "state", moment: "both" }; // of the charts, as they are first seen
  const state = { focus: new Set(), hidden: new Set(), seeds: false, view: { ...view } };
  const sorting = { ...first }, grouped = group?.value;
  let drawing = null;

  const index = (row) => Number(row.dataset.setting);
  const part = (setting, name) => (name === "problem" ? setting.problem : setting.factors[name]);
  const values = (name) => [...new Set(settings.map((setting) => part(setting, name)))];
  const boxes = () => [...(controls?.querySelectorAll("input") ?? [])];

  function filter() {
    const off = boxes().filter((box) => !box.checked);
    state.hidden = new Set([...settings.keys()].filter((i) => off.some((box) => settings[i].factors[box.dataset.factor] === box.value)));
    show();
  }

  function choose(chosen, more) {
    const same = chosen.length === state.focus.size && chosen.every((i) => state.focus.has(i));
    const all = more && chosen.every((i) => state.focus.has(i));
    if (all) for (const i of chosen) state.focus.delete(i);
    else state.focus = new Set(same ? [] : more ? [...state.focus, ...chosen] : chosen);
    show();
  }

  function show(keep = true) {
    for (const row of rows) {
      row.hidden = state.hidden.has(index(row));
      row.classList.toggle("dim", state.focus.size > 0 && !state.focus.has(index(row)));
      row.classList.toggle("chosen", state.focus.has(index(row)));
      row.querySelector(".pick").setAttribute("aria-pressed", state.focus.has(index(row)));
    }
    for (const row of others) {
      row.hidden = state.hidden.has(index(row)) || (state.focus.size > 0 && !state.focus.has(index(row)));
    }
    legend.classList.toggle("isolating", state.focus.size > 0);
    for (const button of legend.querySelectorAll(".series")) {
      const of = members(button.value);
      button.hidden = of.every((i) => state.hidden.has(i));
      button.setAttribute("aria-pressed", of.some((i) => state.focus.has(i)));
    }
    clear.hidden = state.focus.size === 0;
    headings();
    if (keep) write();
    return drawing?.then(({ update }) => update());
  }

  // The settings of one color, in all panels.
  const clear = document.createElement("button");
  const members = (series) => settings.flatMap((setting, i) => (setting.series === series ? [i] : []));
  function entries() {
    clear.type = "button";
    clear.id = "clear";
    clear.textContent = "show all";
    clear.addEventListener("click", () => choose([...state.focus]));
    legend.replaceChildren(...Object.entries(colors).map(([series, color]) => {
      const button = document.createElement("button"), patch = document.createElement("i");
      patch.style.background = color;
      Object.assign(button, { type: "button", className: "series", value: series });
      button.append(patch, series);
      button.addEventListener("click", (event) => choose(members(series), event.shiftKey || event.ctrlKey || event.metaKey));
      return button;
    }), clear);
    legend.hidden = !document.getElementById("charts");
  }

  // What a chart can show besides: a layer and direction, a part of the state, a moment, single runs.
  const WORDS = { place: "layer and direction", part: "part of the state", moment: "moment" };
  function options(specs, data) {
    for (const [name, spec] of Object.entries(specs)) {
      const place = document.querySelector(`[data-chart="${name}"] .options`);
      for (const param of spec.params.map((each) => each.name)) {
        const label = document.createElement("label");
        if (param === "seeds") {
          const box = document.createElement("input");
          Object.assign(box, { type: "checkbox" });
          box.dataset.view = param;
          box.addEventListener("change", () => { state.seeds = box.checked; mirror(); show(); });
          label.append(box, " single runs");
        } else if (param in WORDS) {
          const found = [...new Set(data[spec.data.name].map((row) => row[param]))];
          if (found.length < 2) continue;
          const select = document.createElement("select");
          select.dataset.view = param;
          select.append(...(param === "moment" ? ["both", ...found] : found).map((value) => new Option(value, value)));
          select.addEventListener("change", () => { state.view[param] = select.value; mirror(); show(); });
          label.append(`${WORDS[param]} `, select);
        } else continue;
        place.append(label);
      }
    }
    mirror();
  }
  function mirror() {
    for (const each of document.querySelectorAll("[data-view]")) {
      if (each.dataset.view === "seeds") each.checked = state.seeds;
      else each.value = state.view[each.dataset.view];
    }
  }

  // A number that opens the cell, or follows its first word ("mse 0.17"); null for words.
  function number(text) {
    const match = /^(?:[a-z]\S* )?([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)/i.exec(text);
    return match && Number(match[1]);
  }

  function compare(a, b) {
    const [x, y] = [a, b].map((row) => row.cells[sorting.column].textContent.trim());
    const [m, n] = [x, y].map(number), sign = sorting.direction === "ascending" ? 1 : -1;
    if (m !== null && n !== null) return sign * (m - n);
    if (m !== null || n !== null) return m === null ? 1 : -1; // words last, whatever the direction
    if ((x === "–") !== (y === "–")) return x === "–" ? 1 : -1;
    return sign * x.localeCompare(y);
  }

  function arrange() {
    const factor = group?.value;
    headers.forEach((th, column) => {
      if (column === sorting.column) th.setAttribute("aria-sort", sorting.direction);
      else th.removeAttribute("aria-sort");
    });
    const sorted = rows.toSorted(compare);
    if (!factor) return body.replaceChildren(...sorted);
    body.replaceChildren(...values(factor).flatMap((value) => {
      const heading = document.createElement("tr"), th = document.createElement("th");
      heading.className = "group";
      th.colSpan = headers.length;
      th.scope = "rowgroup";
      th.textContent = factor === "problem" ? value : `${factor}: ${value}`;
      heading.append(th);
      return [heading, ...sorted.filter((row) => part(settings[index(row)], factor) === value)];
    }));
    headings();
  }

  // A group without a row that is shown needs no heading.
  function headings() {
    let heading = null;
    for (const row of body.rows) {
      if (row.className === "group") (heading = row).hidden = true;
      else if (heading && !row.hidden) heading.hidden = false;
    }
  }

  const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  function shade(name) {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    theme.textContent = dark() ? "light" : "dark";
    theme.setAttribute("aria-label", `${theme.textContent} theme`);
  }

  // The address holds what differs from the page as it is first seen.
  function write() {
    const found = new URLSearchParams();
    for (const i of state.focus) found.append("setting", settings[i].label);
    for (const box of boxes()) if (!box.checked) found.append("off", `${box.dataset.factor}=${box.value}`);
    for (const key of Object.keys(view)) if (state.view[key] !== view[key]) found.set(key, state.view[key]);
    if (state.seeds) found.set("seeds", "1");
    if (group && group.value !== grouped) found.set("group", group.value);
    if (sorting.column !== first.column || sorting.direction !== first.direction) {
      found.set("sort", `${headers[sorting.column].textContent} ${sorting.direction}`);
    }
    if (document.documentElement.dataset.theme) found.set("theme", document.documentElement.dataset.theme);
    const hash = found.size ? `#${found}` : " ";
    if (location.hash !== hash.trim()) history.replaceState(null, "", hash === " " ? location.pathname + location.search : hash);
  }

  function read() {
    const found = new URLSearchParams(location.hash.slice(1)), off = new Set(found.getAll("off"));
    const named = new Set(found.getAll("setting"));
    state.focus = new Set([...settings.keys()].filter((i) => named.has(settings[i].label)));
    for (const box of boxes()) box.checked = !off.has(`${box.dataset.factor}=${box.value}`);
    for (const key of Object.keys(view)) state.view[key] = found.get(key) ?? view[key];
    state.seeds = found.get("seeds") === "1";
    if (group) group.value = found.get("group") ?? grouped;
    const [, column, direction] = /^(.*) (ascending|descending)$/.exec(found.get("sort") ?? "") ?? [];
    const place = headers.findIndex((th) => th.textContent === column);
    Object.assign(sorting, place < 0 ? first : { column: place, direction });
    shade(["dark", "light"].find((name) => name === found.get("theme")));
    mirror();
    arrange();
    filter();
  }

  headers.forEach((th, column) => th.querySelector("button").addEventListener("click", () => {
    const again = sorting.column === column && sorting.direction === "ascending";
    Object.assign(sorting, { column, direction: again ? "descending" : "ascending" });
    arrange();
    write();
  }));
  for (const row of rows) {
    const button = document.createElement("button"), cell = row.cells[0];
    Object.assign(button, { type: "button", className: "pick", title: "show this setting alone" });
    button.append(...cell.childNodes);
    cell.append(button);
    row.addEventListener("click", (event) => {
      if (getSelection().isCollapsed) choose([index(row)], event.shiftKey || event.ctrlKey || event.metaKey);
    });
  }
  if (controls) {
    controls.hidden = false;
    controls.addEventListener("submit", (event) => event.preventDefault());
    controls.addEventListener("change", ({ target }) => (target === group ? (arrange(), write()) : filter()));
  }
  theme.hidden = false;
  theme.addEventListener("click", () => { shade(dark() ? "light" : "dark"); write(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shade(document.documentElement.dataset.theme));
  addEventListener("keydown", (event) => { if (event.key === "Escape" && state.focus.size) choose([...state.focus]); });
  addEventListener("hashchange", read);
  entries();
  read();
  if (document.getElementById("charts")) drawing = charts(state, choose, options);
})();
