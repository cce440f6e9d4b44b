/** Renders the studio into the page. */
import { render } from "preact";
import { readSiteName } from "../kit/site-name.ts";
import { StudioApp, type StudioView } from "./app.tsx";
import { describeStudioPhase } from "./format.ts";

/** Renders `view` and sets the tab's title. */
export function drawStudio(root: HTMLElement, view: StudioView): void {
  const { badge } = describeStudioPhase(view.phase, view.name);
  document.title = `${badge === "" ? "" : `${badge} · `}${view.name} · ${readSiteName()} studio`;
  render(<StudioApp view={view} />, root);
}
