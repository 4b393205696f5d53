// The server's chart made movable: a cursor that reads values, a drag that zooms, new samples as they come.
"use strict";
(() => {
  const place = document.getElementById("plot");
  if (!place || !window.uPlot) return;
  const { title, unit, digits, zone } = place.dataset;
  const names = JSON.parse(place.dataset.names || "{}");
  const stepped = Object.keys(names).length > 0;
  const text = (v) => (v == null ? "–" : stepped ? names[v] ?? String(v) : v.toFixed(Number(digits)) + (unit ? " " + unit : ""));

  const withGaps = (s) => { // a hole longer than three steps is a gap: no sample stands for it
    const columns = [[], [], [], []];
    const hold = Math.max(15, 3 * (s.step_s || 0));
    s.at.forEach((at, i) => {
      if (i && at - s.at[i - 1] > hold) { columns[0].push(s.at[i - 1] + hold); columns.slice(1).forEach((c) => c.push(null)); }
      columns[0].push(at); columns[1].push(stepped ? s.last[i] : s.mean[i]); columns[2].push(s.min[i]); columns[3].push(s.max[i]);
    });
    return stepped ? columns.slice(0, 2) : columns;
  };
  const size = () => ({ width: place.clientWidth, height: 300 });

  const local = (at, form) => new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: zone, hourCycle: "h23", ...form }).format(new Date(at * 1000));
  const clock = { hour: "2-digit", minute: "2-digit" }, day = { month: "2-digit", day: "2-digit" };
  const times = (_, splits, __, ___, step) => splits.map((at) => {
    if (step >= 86400) return local(at, day);
    const text = local(at, step < 60 ? { ...clock, second: "2-digit" } : clock);
    return text.startsWith("00:00") ? local(at, day) : text;
  });

  const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim(); // by day and by night

  const draw = (s) => {
    const line = { label: title, stroke: colour("--chart"), width: 1.6, value: (_, v) => text(v), spanGaps: false, points: { show: false } };
    if (stepped) line.paths = uPlot.paths.stepped({ align: 1 });
    const when = { label: place.dataset.time, value: (_, at) => (at == null ? "–" : local(at, { ...day, ...clock, second: "2-digit" })) };
    const edge = (label) => ({ label, stroke: "transparent", value: (_, v) => text(v), points: { show: false } });
    const codes = Object.keys(names).map(Number);
    const options = {
      ...size(), tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone),
      scales: { x: { range: (_, low, high) => [low, high] }, y: stepped ? { range: [Math.min(...codes) - 0.5, Math.max(...codes) + 0.5] } : {} },
      axes: [{ grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, stroke: colour("--soft"), values: times },
        { grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, stroke: colour("--soft"), size: stepped ? 90 : 60, splits: stepped ? () => codes : undefined, values: stepped ? (_, all) => all.map((v) => names[v] ?? "") : undefined }],
      series: stepped ? [when, line] : [when, line, edge(place.dataset.least), edge(place.dataset.most)],
      bands: stepped ? [] : [{ series: [3, 2], fill: () => `${colour("--chart")()}2e` }],
      cursor: { drag: { x: true, y: false, setScale: false } },
      hooks: { setSelect: [(u) => {
        if (u.select.width < 8) return;
        const to = new URL(place.dataset.page, location.href);
        to.searchParams.set("from", u.posToVal(u.select.left, "x").toFixed(3));
        to.searchParams.set("to", u.posToVal(u.select.left + u.select.width, "x").toFixed(3));
        location.href = to;
      }] },
    };
    const data = withGaps(s);
    place.replaceChildren();
    const chart = new uPlot(options, data, place);
    addEventListener("resize", () => chart.setSize(size()));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw(false, true));
    const live = !new URLSearchParams(location.search).has("to") && !s.step_s;
    if (live) document.addEventListener("sample", ({ detail }) => {
      if (detail.point !== s.point || !detail.at) return;
      const v = detail.value;
      data[0].push(Date.parse(detail.at) / 1000);
      data.slice(1).forEach((c) => c.push(v));
      chart.setData(data);
    });
  };
  fetch(place.dataset.url).then((answer) => (answer.ok ? answer.json() : null)).then((s) => { if (s && s.at.length) draw(s); }).catch(() => {});
})();
