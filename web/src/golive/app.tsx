/** Draws the page; everything shown is a function of the controller's state. */
import { render, type VNode } from "preact";
import { formatElapsed } from "../kit/number-text.ts";
import { ControlPanel } from "./control-panel.tsx";
import type { GoLivePage } from "./golive-page.ts";
import { goLiveTitle } from "./golive-text.ts";
import { Head } from "./head.tsx";
import { PreviewOverlay } from "./preview-overlay.tsx";

/** Draws all of it. */
export function drawGoLivePage(page: GoLivePage): void {
  const { controller, name, nowMs } = page;
  const { view } = controller;
  document.title = goLiveTitle(view, name);
  document.body.dataset["phase"] = view.phase;
  // Read by measurements.
  document.body.dataset["firstPartMs"] = view.firstPartMs === null ? "" : view.firstPartMs.toFixed(0);
  const elapsed = view.liveSinceMs === null ? null : formatElapsed(nowMs - view.liveSinceMs);
  renderInto("head", <Head page={page} elapsed={elapsed} />);
  renderInto("overlay", <PreviewOverlay page={page} />);
  renderInto("panel", <ControlPanel page={page} />);
}

function renderInto(id: string, node: VNode): void {
  const root = document.getElementById(id);
  if (root !== null) render(node, root);
}
