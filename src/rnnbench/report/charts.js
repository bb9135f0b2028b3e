"use strict";
// Draws the charts of the page with Vega, which comes compressed in the page, as far as they are seen.
async function charts(state, choose, ready) {
  const { specs, data, config, panels } = JSON.parse(await unpacked("charts"));
  const tip = document.getElementById("tip"), drawn = new Map();
  const coarse = matchMedia("(pointer: coarse)").matches;
  let started = null;

  async function unpacked(id) {
    const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  async function libraries() {
    const script = document.createElement("script");
    script.textContent = `(() => {${await unpacked("libraries")}\n})();`;
    document.head.append(script);
  }

  // The panels that fit on a page: those of settings that stand out first. The settings of the others are hidden.
  function fitting(name) {
    const field = specs[name].facet.field, places = new Map();
    for (const { setting, [field]: place } of data[specs[name].data.name]) {
      if (!state.hidden.has(setting)) places.set(place, places.get(place) || state.focus.has(setting));
    }
    const all = [...places.keys()].sort((a, b) => places.get(b) - places.get(a));
    const shown = new Set(all.slice(0, panels));
    const rows = data[specs[name].data.name];
    const hidden = new Set(rows.filter((row) => !shown.has(row[field])).map((row) => row.setting));
    for (const row of rows) if (shown.has(row[field]) && !state.hidden.has(row.setting)) hidden.delete(row.setting);
    return { hidden: [...hidden], count: shown.size, all: all.length };
  }

  function values(name) {
    const { hidden, count, all } = fitting(name);
    const more = document.querySelector(`[data-chart="${name}"] .more`);
    more.textContent = all > count ? `${count} of ${all} panels are shown: filter, or choose a setting, to see others.` : "";
    return { hidden, focus: [...state.focus], seeds: state.seeds, ...state.view };
  }

  function beside(room, count) {
    return Math.max(1, Math.min(room < 560 ? 1 : room < 820 || count === 4 ? 2 : 3, count));
  }

  // The specification for this window: as many panels side by side as fit, no legend of what the page's own shows.
  function fitted(name, room, spare) {
    const spec = structuredClone(specs[name]), now = values(name), { count } = fitting(name);
    const columns = beside(room, count);
    const width = Math.floor((room - spare) / columns) - 22;
    spec.columns = columns;
    spec.spec.width = Math.max(110, Math.min(width, columns === 1 ? 680 : 560));
    spec.params = spec.params.filter((each) => !each.select || !coarse);
    for (const param of spec.params) if (param.name in now) param.value = now[param.name];
    for (const { encoding } of spec.spec.layer) if (encoding.color?.field === "series") encoding.color.legend = null;
    spec.data = { ...spec.data, values: undefined };
    spec.datasets = { [spec.data.name]: data[spec.data.name] };
    const font = getComputedStyle(document.body).fontFamily;
    const labels = { ...config.header, labelLimit: spec.spec.width };
    return { spec, config: { ...config, font, header: labels, background: null, padding: 2 } };
  }

  async function view(name, box, room, spare) {
    const { spec, config } = fitted(name, room, spare);
    const tooltip = (handler, event, item, value) => point(event, value);
    const inner = document.createElement("div"); // Vega gives it a role and a label of its own
    box.replaceChildren(inner);
    const { view: made } = await vegaEmbed(inner, spec, { mode: "vega-lite", renderer: "svg", actions: false, logLevel: 1, config, tooltip });
    let down = null;
    box.onpointerdown = (event) => { down = [event.clientX, event.clientY]; };
    made.addEventListener("click", (event, item) => {
      const setting = item?.datum?.setting, moved = down && Math.hypot(event.clientX - down[0], event.clientY - down[1]);
      if (setting !== undefined && !(moved > 4)) choose([setting], event.shiftKey || event.ctrlKey || event.metaKey);
    });
    return made;
  }

  async function draw(name) {
    const box = document.querySelector(`[data-chart="${name}"] .chart`), room = box.clientWidth;
    drawn.get(name)?.view.finalize();
    let made = await view(name, box, room, 64);
    const over = box.firstElementChild.getBoundingClientRect().width - room;
    const svg = box.querySelector("svg"), wide = Number(svg.getAttribute("width")) - room;
    if (Math.max(over, wide) > 0) { // axes took more room than was guessed
      made.finalize();
      made = await view(name, box, room, 64 + Math.ceil(Math.max(over, wide)) + 2);
    }
    box.style.minHeight = "";
    drawn.set(name, { view: made, room, columns: beside(room, fitting(name).count) });
  }

  function point(event, value) {
    tip.hidden = !value;
    if (!value) return;
    tip.replaceChildren(...Object.entries(value).flatMap(([key, text]) => {
      const name = document.createElement("b"), shown = document.createElement("span");
      name.textContent = key;
      shown.textContent = text === null || text === "null" ? "–" : text;
      return [name, shown];
    }));
    const { width, height } = tip.getBoundingClientRect(), gap = 14;
    const x = event.clientX + gap + width > innerWidth ? event.clientX - gap - width : event.clientX + gap;
    const y = event.clientY + gap + height > innerHeight ? event.clientY - gap - height : event.clientY + gap;
    tip.style.left = `${Math.max(4, x)}px`;
    tip.style.top = `${Math.max(4, y)}px`;
  }

  // One chart after another, those in sight first.
  const waiting = new Set(Object.keys(specs));
  async function next() {
    started ??= libraries();
    await started;
    while (waiting.size) {
      const near = [...waiting].sort((a, b) => distance(a) - distance(b))[0];
      waiting.delete(near);
      await draw(near);
      await new Promise((done) => setTimeout(done));
    }
    document.documentElement.dataset.charts = "drawn";
  }
  function distance(name) {
    const { top, bottom } = document.querySelector(`[data-chart="${name}"]`).getBoundingClientRect();
    return top > innerHeight ? top - innerHeight : bottom < 0 ? -bottom : 0;
  }

  let working = null;
  function redraw(names) {
    for (const name of names) waiting.add(name);
    delete document.documentElement.dataset.charts;
    working = (working ?? Promise.resolve()).then(next);
    return working;
  }

  // Panels come and go with the data; only another number of columns needs another layout.
  async function update() {
    delete document.documentElement.dataset.charts;
    await working;
    for (const [name, { view, room, columns }] of [...drawn]) {
      const now = values(name);
      if (beside(room, fitting(name).count) !== columns) {
        await draw(name);
        continue;
      }
      for (const { name: param } of specs[name].params) if (param in now) view.signal(param, now[param]);
      await view.runAsync();
    }
    document.documentElement.dataset.charts = "drawn";
  }

  let pause = 0;
  addEventListener("resize", () => {
    clearTimeout(pause);
    pause = setTimeout(() => redraw([...drawn].filter(([name, { room }]) => (
      document.querySelector(`[data-chart="${name}"] .chart`).clientWidth !== room
    )).map(([name]) => name)), 150);
  });
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  ready(specs, data);
  redraw([]);
  return { update };
}
