// Charts: draws our small description (series, slots, partial period, marks) with Plotly in the colours of the theme.
// Plotly arrives only on pages that have a chart, after the page is readable; the server's SVG stays until it has drawn.

const source = document.querySelector('meta[name="plotly"]')?.content;
let library = null;

const plotly = () =>
  (library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => reject(new Error("The chart library did not load"));
    document.head.append(script);
  }));

// Custom properties may hold any colour notation; the browser resolves them to rgb() through a painted element.
function palette() {
  const probe = document.createElement("span");
  probe.style.setProperty("transition", "none", "important"); // under reduced motion every change takes an instant, in which the old colour shows
  document.body.append(probe);
  const read = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    ink: read("--color-base-content"), soft: read("--ink-3"), line: read("--line"), base: read("--line-2"), paper: read("--surface"),
    slots: Array.from({ length: 8 }, (_, i) => read(`--chart-${i + 1}`)),
  };
  probe.remove();
  return colours;
}

function traces(spec, colours) {
  const last = spec.x.length - 1;
  return spec.series.map((series) => {
    const colour = colours.slots[series.slot - 1];
    const hover = `%{y:,} ${spec.unit}<extra>${escapeText(series.name)}</extra>`;
    const shared = { x: spec.x, y: series.values, name: series.name, hovertemplate: hover };
    if (series.faint)
      return { ...shared, type: "scatter", mode: "lines", line: { color: colours.soft, width: 1.25, dash: "dot" } };
    if (spec.kind === "line")
      return { ...shared, type: "scatter", mode: "lines", line: { color: colour, width: 2 } };
    const hatch = spec.x.map((_, i) => (spec.partial && i === last ? "/" : ""));
    return {
      ...shared, type: "bar", width: Math.min(0.76, 0.12 * spec.x.length), // as wide as the server draws it
      marker: { color: colour, line: { width: 0 }, pattern: { shape: hatch, fgcolor: colour, bgcolor: colours.paper, size: 5, solidity: 0.35, fillmode: "overlay" } },
    };
  });
}

// Plotly reads a few tags in its texts; names are data, never markup.
const escapeText = (words) => String(words).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/%\{/g, "%\u200b{");

// Labels beneath keep a hand's breadth apart; the numbers of the rules stand left of the first bar, not on it.
const LABEL = 80, NUMBERS = 34;

function layout(spec, colours, width, height) {
  const beside = (spec.x.length * NUMBERS) / Math.max(width - NUMBERS, NUMBERS), edge = spec.kind === "bar" ? 0.5 : 0;
  const font = { family: getComputedStyle(document.body).fontFamily, size: 12, color: colours.soft };
  return {
    height, font, barmode: "stack", bargap: 0.24, showlegend: false, dragmode: false, hovermode: "x unified",
    margin: { l: 0, r: 0, t: spec.marks.length ? 24 : 12, b: 28 }, separators: spec.separators, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { bgcolor: colours.paper, bordercolor: colours.base, font: { ...font, color: colours.ink } },
    xaxis: { type: "category", range: [-edge - beside, spec.x.length - 1 + edge], showgrid: false, linecolor: colours.base, ticks: "", nticks: Math.max(2, Math.min(8, Math.floor(width / LABEL))), tickangle: 0, fixedrange: true, automargin: true, tickfont: font },
    yaxis: { gridcolor: colours.line, zeroline: false, ticklabelposition: "inside top", tickvals: spec.axis.map((tick) => tick.at), ticktext: spec.axis.map((tick) => tick.text), range: [0, spec.axis.at(-1).at * 1.09], fixedrange: true, ticks: "", tickfont: font },
    shapes: spec.marks.map(({ at }) => ({ type: "line", xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 1, line: { color: colours.soft, width: 1, dash: "dot" } })),
    annotations: [
      ...spec.marks.map(({ at, text }) => ({ x: at, y: 1, yref: "paper", yanchor: "bottom", text: escapeText(text), showarrow: false, font })),
    ],
  };
}

const drawn = new Set();

async function draw(box) {
  const spec = JSON.parse(document.getElementById(box.dataset.chart).content.textContent);
  const library = await plotly();
  if (!box.isConnected) return;
  const colours = palette();
  let stage = box.querySelector(".stage");
  if (!stage) {
    stage = document.createElement("div");
    stage.className = "stage";
    box.append(stage);
  }
  const height = box.clientHeight;
  box.dataset.drawn = "";
  await library.react(stage, traces(spec, colours), layout(spec, colours, box.clientWidth, height), { displayModeBar: false, responsive: true, doubleClick: false });
  drawn.add(box);
}

// On a phone or with a slow line the SVG is enough until the chart is near the screen.
const near = new IntersectionObserver((entries) => {
  for (const entry of entries)
    if (entry.isIntersecting) {
      near.unobserve(entry.target);
      draw(entry.target).catch(() => delete entry.target.dataset.drawn);
    }
}, { rootMargin: "200px" });

const watch = (region) => {
  for (const box of region.querySelectorAll("[data-chart]")) near.observe(box);
  if (region.matches?.("[data-chart]")) near.observe(region);
};

document.addEventListener("htmx:load", (event) => watch(event.detail.elt));
document.addEventListener("themechange", () => {
  for (const box of drawn) box.isConnected ? draw(box) : drawn.delete(box);
});
if (source) watch(document);
