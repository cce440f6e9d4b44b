/** The section "Your streams": the way to going live for those who have opened a studio on this device. */
import { loadOwnStreams, storeOwnStream } from "../kit/own-streams.ts";

/** Fills the section, or hides it where there is none. */
export function showOwnStreams(): void {
  const section = document.getElementById("own");
  const list = section?.querySelector("ul");
  if (section === null || list === null || list === undefined) return;
  const streams = loadOwnStreams();
  section.hidden = streams.length === 0;
  list.replaceChildren(...streams.map(createItem));
}

function createItem(stream: string): HTMLLIElement {
  const item = document.createElement("li");
  const name = item.appendChild(document.createElement("bdi"));
  name.textContent = stream;
  const studio = item.appendChild(document.createElement("a"));
  studio.className = "button";
  studio.href = `/studio/${stream}?tab=golive`;
  studio.textContent = "Go live";
  studio.setAttribute("aria-label", `Go live as ${stream}`);
  const remove = item.appendChild(document.createElement("button"));
  remove.type = "button";
  remove.className = "own-remove";
  remove.textContent = "×";
  remove.setAttribute("aria-label", `Take ${stream} off this list`);
  remove.addEventListener("click", () => {
    storeOwnStream(stream, false);
    showOwnStreams();
  });
  return item;
}
