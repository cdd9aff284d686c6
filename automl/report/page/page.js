// Draws every figure from the data beside it. Nothing is fetched or sent.
const image = ["toImage"], zoom = ["zoom2d", "pan2d", "resetScale2d"];
const read = (name) => document.getElementById(name).textContent;
const darkColours = JSON.parse(read("dark"));
const isDark = matchMedia("(prefers-color-scheme: dark)");

function pickLines(place) {
  const show = (isShown) => Plotly.restyle(place, { opacity: place.data.map((_, i) => isShown(i) ? 1 : 0.06) });
  place.on("plotly_selected", (event) => {
    if (!event || !event.points) return;
    const picked = new Set(event.points.map((point) => point.curveNumber));
    show((index) => picked.has(index));
  });
  place.on("plotly_deselect", () => show(() => true));
}

// The page holds plotly compressed, at two fifths of its size.
async function load() {
  const bytes = Uint8Array.from(atob(read("plotly")), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

function draw(onDark) {
  for (const place of document.querySelectorAll(".plot")) {
    const text = read(place.dataset.figure);
    const coloured = onDark ? text.replace(/#[0-9a-f]{6}/g, (one) => darkColours[one] || one) : text;
    if (place.drawnFrom === coloured) continue;
    place.drawnFrom = coloured;
    const figure = JSON.parse(coloured);
    figure.layout.uirevision = "kept"; // Zoom and hidden traces stay when the data are renewed.
    for (const trace of figure.data) if (trace.meta !== undefined) trace.uid = `trial-${trace.meta}`;
    const isPicked = figure.layout.dragmode === "select";
    const buttons = isPicked || figure.data.some((trace) => trace.type === "heatmap") ? [image] : [image, zoom];
    const isFirst = !place.data;
    Plotly.react(place, figure.data, figure.layout, { displaylogo: false, responsive: true, modeBarButtons: buttons });
    if (isPicked && isFirst) pickLines(place);
  }
}

prepareTable();
load().then(() => {
  draw(isDark.matches);
  isDark.addEventListener("change", () => draw(isDark.matches));
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
    draw(false);
  });
  addEventListener("afterprint", () => draw(isDark.matches));
  document.body.dataset.drawn = "true";
});
