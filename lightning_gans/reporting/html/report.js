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
