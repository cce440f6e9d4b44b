/** Hands the fingers on the picture to their gestures. */
import type { Clock } from "../../../core/kit/clock.ts";
import { type FingerEvent, type PictureGesture, PictureGestures } from "./picture-gestures.ts";

const TYPES: Readonly<Record<string, FingerEvent["type"]>> = {
  pointerdown: "down",
  pointerup: "up",
  pointercancel: "cancel",
};

/** Calls `onGesture` for each gesture on the picture itself, not on the buttons over it. */
export function listenToFingers(player: HTMLElement, clock: Clock, onGesture: (gesture: PictureGesture) => void): void {
  const gestures = new PictureGestures();
  for (const [name, type] of Object.entries(TYPES)) {
    player.addEventListener(name, (event) => {
      if (!(event instanceof PointerEvent) || event.pointerType !== "touch") return;
      if (type === "down" && !isPicture(event.composedPath()[0])) return;
      const { pointerId, clientX, clientY } = event;
      const gesture = gestures.accept({ type, pointerId, x: clientX, y: clientY, atMs: clock.monotonicMs() });
      if (gesture !== null) onGesture(gesture);
    });
  }
}

const isPicture = (target: EventTarget | undefined): boolean =>
  target instanceof Element && ["video", "media-controller", "media-gesture-receiver"].includes(target.localName);
