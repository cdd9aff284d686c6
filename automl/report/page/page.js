// Draws every figure from the data beside it. Nothing is fetched or sent.
const image = ["toImage"], zoom = ["zoom2d", "pan2d", "resetScale2d"];

function pickLines(place) {
  const show = (isShown) => Plotly.restyle(place, { opacity: place.data.map((_, i) => isShown(i) ? 1 : 0.06) });
  place.on("plotly_selected", (event) => {
    if (!event || !event.points) return;
    const picked = new Set(event.points.map((point) => point.curveNumber));
    show((index) => picked.has(index));
  });
  place.on("plotly_deselect", () => show(() => true));
}

for (const place of document.querySelectorAll(".plot")) {
  const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  const isPicked = figure.layout.dragmode === "select";
  const buttons = isPicked || figure.data.some((trace) => trace.type === "heatmap") ? [image] : [image, zoom];
  Plotly.newPlot(place, figure.data, figure.layout, { displaylogo: false, modeBarButtons: buttons });
  if (isPicked) pickLines(place);
}
