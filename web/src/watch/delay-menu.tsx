/** The menu in which the viewer chooses between the least delay and LL-HLS. */
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { DelayWish } from "../player/delay-choice.ts";
import type { DelayReading } from "../player/delay-switch.ts";
import { OBSTACLE_TEXTS } from "./delay-text.ts";

interface DelayMenuProps {
  readonly delays: DelayReading;
  readonly onChoose: (wish: DelayWish) => void;
  readonly onClose: () => void;
}

const CHOICES: readonly { readonly wish: DelayWish; readonly name: string; readonly note: string }[] = [
  { wish: "fastest", name: "Fastest", note: "least delay" },
  { wish: "smooth", name: "Smooth", note: "can go back in time" },
];

const formatDelay = (seconds: number | null): string => (seconds === null ? "" : `${seconds.toFixed(1)} s`);

/** Two choices with their delays now, and what stands against the first. */
export function DelayMenu({ delays, onChoose, onClose }: DelayMenuProps): VNode {
  const root = useRef<HTMLDivElement>(null);
  const { wish, obstacle } = delays.choice;
  useEffect(() => {
    root.current?.querySelector<HTMLElement>("[aria-checked=true]")?.focus();
    const onPointer = (event: Event): void => {
      const { target } = event;
      const isToggle = target instanceof Element && target.closest("[aria-haspopup=menu]") !== null;
      if (!isToggle && target instanceof Node && root.current?.contains(target) !== true) onClose();
    };
    document.addEventListener("pointerdown", onPointer);
    return () => document.removeEventListener("pointerdown", onPointer);
  }, []);
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape") onClose();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const items = [...(root.current?.querySelectorAll<HTMLElement>("button") ?? [])];
      const at = items.indexOf(document.activeElement as HTMLElement);
      items[(at + 1) % items.length]?.focus();
    } else return;
    // Arrows are the player's keys too.
    event.stopPropagation();
    event.preventDefault();
  };
  return (
    <div ref={root} class="delay-menu" role="menu" aria-label="Delay" tabIndex={-1} onKeyDown={onKey}>
      {CHOICES.map(({ wish: each, name, note }) => (
        <button
          key={each}
          type="button"
          role="menuitemradio"
          aria-checked={each === wish}
          onClick={() => {
            onChoose(each);
            onClose();
          }}
        >
          <span class="name">{name}</span>
          <span class="delay">{formatDelay(each === "fastest" ? delays.fastestS : delays.smoothS)}</span>
          <span class="note">{note}</span>
        </button>
      ))}
      {wish === "fastest" && obstacle !== null && (
        <p class="obstacle" role="status">
          {OBSTACLE_TEXTS[obstacle]}
        </p>
      )}
    </div>
  );
}
