"use strict";
// Filters, colors, groups and sorts what the page shows in full without it.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const settings = read("settings"), palette = read("palette");
  const controls = document.getElementById("controls"), legend = document.getElementById("legend");
  const table = document.getElementById("main"), body = table.tBodies[0], headers = [...table.tHead.rows[0].cells];
  const rows = [...body.rows];
  const shown = [...document.querySelectorAll("[data-setting]")]; // rows, lines, bands, points, names in legends, maps
  const colored = [...document.querySelectorAll("svg [data-setting] :is(path, use)")].map((shape) => (
    { shape, of: indices(shape.closest("[data-setting]")), fill: shape.style.fill, stroke: shape.style.stroke }
  ));
  const sorting = { column: headers.findIndex((th) => th.textContent === "score"), direction: "descending" };

  function indices(element) { return element.dataset.setting.split(" ").map(Number); }
  function part(setting, group) { return group === "problem" ? setting.problem : setting.factors[group]; }
  function values(factor) { return [...new Set(settings.map((setting) => part(setting, factor)))]; }

  function filter() {
    const off = [...controls.querySelectorAll("input")].filter((box) => !box.checked);
    const kept = settings.map(({ factors }) => !off.some((box) => factors[box.dataset.factor] === box.value));
    for (const element of shown) element.toggleAttribute("hidden", !indices(element).some((index) => kept[index]));
    headings();
  }

  function paint() {
    const factor = document.getElementById("color").value, names = values(factor);
    const color = (name) => palette[names.indexOf(name) % palette.length];
    for (const { shape, of, fill, stroke } of colored) {
      const colors = new Set(of.map((index) => color(settings[index].factors[factor])));
      const one = colors.size === 1 ? [...colors][0] : "#888"; // one name for settings of many colors
      const change = (now) => (factor && now && now !== "none" ? one : now);
      shape.style.fill = change(fill);
      shape.style.stroke = change(stroke);
    }
    legend.replaceChildren(...(factor ? names : []).map((name) => {
      const chip = document.createElement("span"), patch = document.createElement("i");
      patch.style.background = color(name);
      chip.append(patch, `${factor}: ${name}`);
      return chip;
    }));
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
    const factor = document.getElementById("group")?.value;
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
      return [heading, ...sorted.filter((row) => part(settings[indices(row)[0]], factor) === value)];
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

  headers.forEach((th, column) => th.querySelector("button").addEventListener("click", () => {
    const again = sorting.column === column && sorting.direction === "ascending";
    Object.assign(sorting, { column, direction: again ? "descending" : "ascending" });
    arrange();
  }));
  if (controls) {
    controls.hidden = false;
    controls.addEventListener("submit", (event) => event.preventDefault());
    controls.addEventListener("change", ({ target }) => ({ color: paint, group: arrange })[target.id]?.() ?? filter());
    controls.reset(); // a browser remembers choices over a reload
  }
  arrange();
})();
