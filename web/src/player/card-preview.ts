/** What a live card shows while a pointer rests on it: the stream itself, without sound, as small as the card. */
import "./card-preview.css";
import type { Clock } from "../../../core/kit/clock.ts";
import type { FlowView } from "./flow/flow-view.ts";

/** A pointer that crosses a card starts nothing. */
const REST_MS = 350;

interface Preview {
  readonly card: HTMLElement;
  /** Ends it, begun or not. */
  readonly close: () => void;
}

/** Watches the cards in an element, `.card[data-live]` with a `.picture`; at most one of them plays. */
export function startCardPreviews(list: HTMLElement, clock: Clock): void {
  let open: Preview | null = null;
  const close = (): void => {
    open?.close();
    open = null;
  };
  list.addEventListener("pointerover", ({ target, pointerType }) => {
    const card = target instanceof Element ? target.closest<HTMLElement>(".card[data-live]") : null;
    if (pointerType !== "mouse" || card === null || card === open?.card || !arePreviewsWanted()) return;
    close();
    open = beginPreview(card, clock);
  });
  list.addEventListener("pointerout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && open?.card.contains(relatedTarget) === true) return;
    close();
  });
  document.addEventListener("visibilitychange", close);
  addEventListener("pagehide", close);
}

/** Neither where motion is unwelcome nor where data is saved. */
function arePreviewsWanted(): boolean {
  const connection = (navigator as { readonly connection?: { readonly saveData?: boolean } }).connection;
  return !matchMedia("(prefers-reduced-motion: reduce)").matches && connection?.saveData !== true;
}

function beginPreview(card: HTMLElement, clock: Clock): Preview {
  const video = document.createElement("video");
  let view: FlowView | null = null;
  let isOver = false;
  const close = (): void => {
    isOver = true;
    cancel();
    view?.close();
    video.remove();
  };
  const play = async (): Promise<void> => {
    const { FlowView } = await import("./flow/flow-view.ts");
    if (isOver || !FlowView.isSupported()) return;
    video.className = "preview";
    video.muted = true;
    video.playsInline = true;
    video.addEventListener("timeupdate", () => video.classList.add("preview-plays"), { once: true });
    card.querySelector(".picture")?.append(video);
    // The poster stays where the stream cannot be played by flow.
    view = new FlowView({ video, edge: "", stream: card.dataset["live"] ?? "", onObstacle: close });
  };
  const cancel = clock.startTimer(REST_MS, () => void play().catch(close));
  return { card, close };
}
