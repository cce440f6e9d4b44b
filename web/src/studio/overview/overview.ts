/** The page of many streams, at `/studio`: each with its state and the way to its studio. */
import "../../kit/base.css";
import "../studio.css";
import "../fields.css";
import "./overview.css";
import { systemPlatform } from "../../../../core/kit/system-platform.ts";
import { isLocalEdge } from "../../kit/viewer-session.ts";
import { startCardPreviews } from "../../player/card-preview.ts";
import { drawOverview } from "./draw-overview.tsx";
import { OverviewController } from "./overview-controller.ts";

const root = document.getElementById("studio");
if (root === null) throw new Error("the page lacks #studio");
root.textContent = "";

const isLocal = isLocalEdge();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) setInView(target, isIntersecting);
});
const desk = new OverviewController({
  platform: systemPlatform,
  isLocal,
  isHeld: () => document.querySelector(".stream:hover, .stream:focus-within") !== null,
  onChange: redraw,
});
redraw();
desk.start();
startCardPreviews(root, systemPlatform.clock);

function redraw(): void {
  if (root !== null) drawOverview(root, { desk, isLocal, observe });
}

function observe(tile: HTMLElement): () => void {
  observer.observe(tile);
  return () => {
    observer.unobserve(tile);
    setInView(tile, false);
  };
}

function setInView(tile: Element, isInView: boolean): void {
  const stream = tile instanceof HTMLElement ? tile.dataset["stream"] : undefined;
  if (stream !== undefined) desk.setInView(stream, isInView);
}
