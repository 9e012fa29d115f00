// Shows the value of a chart where somebody points or taps. Everything it shows is in the tables as well.
"use strict";

for (const one of document.querySelectorAll("[data-scripted]")) one.hidden = false;

for (const chart of document.querySelectorAll("[data-chart]")) {
  const readout = chart.querySelector("[data-readout]");
  const area = chart.querySelector("svg.area");
  const latest = readout.textContent;
  let shown = null;

  // The browser's own little window would cover the chart.
  for (const title of area.querySelectorAll("rect title")) title.remove();

  const show = (mark) => {
    if (shown === mark) return;
    if (shown) shown.classList.remove("shown");
    if (mark) mark.classList.add("shown");
    shown = mark;
    readout.textContent = mark ? mark.dataset.text : latest;
  };
  const point = (event) => {
    const mark = event.target.closest("[data-text]");
    if (mark) show(mark);
  };
  area.addEventListener("pointermove", point);
  area.addEventListener("pointerdown", point);
  area.addEventListener("pointerleave", (event) => {
    // A finger that is lifted has chosen.
    if (event.pointerType === "mouse") show(null);
  });
}
