/** Draws the studio into the page. */
import { render } from "preact";
import { App, type View } from "./app.tsx";
import { phaseWords } from "./words.ts";

/** Draws `view`, and names the tab after it. */
export function draw(root: HTMLElement, view: View): void {
  const { badge } = phaseWords(view.phase, view.name);
  document.title = `${badge === "" ? "" : `${badge} · `}${view.name} · Corral studio`;
  render(<App view={view} />, root);
}
