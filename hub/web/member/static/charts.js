// Shows the value of a chart where somebody points or taps. Everything it shows is in the tables as well.
"use strict";

for (const one of document.querySelectorAll("[data-scripted]")) one.hidden = false;

for (const chart of document.querySelectorAll("[data-chart]")) {
  const readout = chart.querySelector("[data-readout]");
  const area = chart.querySelector("svg.area");
  const latest = readout.textContent;
  let shown = null;

  // What browsers show by themselves, where there are no scripts, would cover the chart.
  const texts = new Map();
  for (const mark of area.querySelectorAll("[data-mark]")) {
    const title = mark.querySelector("title");
    texts.set(mark, title.textContent);
    title.remove();
  }

  const show = (mark) => {
    if (shown === mark) return;
    if (shown) shown.classList.remove("shown");
    if (mark) mark.classList.add("shown");
    shown = mark;
    readout.textContent = mark ? texts.get(mark) : latest;
  };
  const point = (event) => {
    const mark = event.target.closest("[data-mark]");
    if (mark) show(mark);
  };
  area.addEventListener("pointermove", point);
  area.addEventListener("pointerdown", point);
  area.addEventListener("pointerleave", (event) => {
    // A finger that is lifted has chosen.
    if (event.pointerType === "mouse") show(null);
  });
}
