"use strict";
const timelines = [...document.querySelectorAll(".timeline")].map((figure) => {
  const frames = [...figure.querySelectorAll("img")];
  const slider = figure.querySelector("input");
  const button = figure.querySelector("button");
  const timeline = { frames, steps: frames.map((frame) => Number(frame.dataset.step)), timer: 0 };
  timeline.show = (index) => {
    frames.forEach((frame, place) => { frame.hidden = place !== index; });
    const when = frames[index].dataset.when;
    figure.querySelector("output").textContent = when;
    if (slider) {
      slider.value = String(index);
      slider.setAttribute("aria-valuetext", when);
    }
  };
  timeline.shown = () => frames.findIndex((frame) => !frame.hidden);
  timeline.stop = () => {
    clearInterval(timeline.timer);
    timeline.timer = 0;
    if (button) button.textContent = "Play";
  };
  if (slider) {
    figure.querySelector(".controls").hidden = false;
    slider.addEventListener("input", () => { stopAll(); go(timeline, Number(slider.value)); });
    button.addEventListener("click", () => {
      const playing = timeline.timer !== 0;
      stopAll();
      if (playing) return;
      if (timeline.shown() === frames.length - 1) go(timeline, 0);
      button.textContent = "Pause";
      timeline.timer = setInterval(() => {
        go(timeline, timeline.shown() + 1);
        if (timeline.shown() === frames.length - 1) timeline.stop();
      }, 450);
    });
  }
  return timeline;
});
const together = document.querySelector("#together");
function stopAll() { for (const timeline of timelines) timeline.stop(); }
function go(chosen, index) {
  chosen.show(index);
  if (!together.checked) return;
  const step = chosen.steps[index];
  for (const other of timelines) {
    if (other === chosen) continue;
    const far = other.steps.map((candidate) => Math.abs(candidate - step));
    other.show(far.indexOf(Math.min(...far)));
  }
}
if (timelines.filter((timeline) => timeline.steps.length > 1).length > 1) together.parentElement.hidden = false;
// Values of the curves under the pointer.
const tip = document.querySelector("#tip");
const MOST = 12;
function nearest(places, x) {
  let best = 0;
  places.forEach((place, index) => { if (Math.abs(place - x) < Math.abs(places[best] - x)) best = index; });
  return best;
}
function element(name, text, color) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (color) {
    made.className = "mark";
    made.style.borderColor = color;
  }
  return made;
}
for (const plot of document.querySelectorAll("svg.plot")) {
  const lines = JSON.parse(plot.dataset.lines);
  const unit = plot.dataset.unit;
  const place = (x) => (unit === "step" ? `step ${x.toLocaleString("en")}` : `${x.toLocaleString("en")} ${unit}`);
  const marks = document.createElementNS(plot.namespaceURI, "g");
  plot.append(marks);
  const hide = () => { marks.replaceChildren(); tip.hidden = true; };
  const show = (event) => {
    const pointer = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse());
    const found = lines.map((line) => ({ line, at: nearest(line.x, pointer.x) }));
    const far = ({ line, at }) => Math.abs(line.x[at] - pointer.x);
    const first = found.reduce((one, other) => (far(other) < far(one) ? other : one));
    const x = first.line.x[first.at];
    const near = found.map(({ line }) => ({ line, at: nearest(line.x, x) }))
      .filter(({ line, at }) => Math.abs(line.x[at] - x) < 6)
      .sort((one, other) => Math.abs(one.line.y[one.at] - pointer.y) - Math.abs(other.line.y[other.at] - pointer.y));
    const shown = near.slice(0, MOST).sort((one, other) => one.line.y[one.at] - other.line.y[other.at]);
    const guide = document.createElementNS(plot.namespaceURI, "line");
    guide.setAttribute("class", "guide");
    for (const [key, value] of [["x1", x], ["x2", x], ["y1", 0], ["y2", plot.viewBox.baseVal.height]]) guide.setAttribute(key, value);
    marks.replaceChildren(guide, ...shown.map(({ line, at }) => {
      const dot = document.createElementNS(plot.namespaceURI, "circle");
      for (const [key, value] of [["cx", line.x[at]], ["cy", line.y[at]], ["r", 2.4]]) dot.setAttribute(key, value);
      dot.style.fill = line.color;
      return dot;
    }));
    const step = first.line.step[first.at];
    tip.replaceChildren(element("b", place(step)), ...shown.map(({ line, at }) => {
      const row = element("div");
      const other = line.step[at] === step ? "" : ` (${place(line.step[at])})`;
      row.append(element("span", "", line.color), element("span", line.name + other), element("span", String(line.value[at])));
      return row;
    }));
    if (near.length > shown.length) tip.append(element("div", `and ${near.length - shown.length} others`));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = event.clientX + 14 + box.width > innerWidth ? event.clientX - 14 - box.width : event.clientX + 14;
    tip.style.left = `${Math.max(4, Math.min(left, innerWidth - box.width - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - box.height - 4))}px`;
  };
  plot.addEventListener("pointermove", show);
  plot.addEventListener("pointerdown", show);
  plot.addEventListener("pointerleave", hide);
}
