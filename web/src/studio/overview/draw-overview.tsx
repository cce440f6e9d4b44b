/** Renders the page of many streams. */
import { render } from "preact";
import { OverviewApp, type OverviewProps } from "./overview-app.tsx";

/** Renders the overview into `root`. */
export function drawOverview(root: HTMLElement, props: OverviewProps): void {
  render(<OverviewApp {...props} />, root);
}
