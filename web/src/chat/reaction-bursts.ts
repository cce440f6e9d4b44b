/** Likes and reactions that rise over the video: new ones in the room's totals, and own ones at once. */
import { createElement, render } from "preact";
import type { Random } from "../../../core/kit/clock.ts";
import type { RoomCounts } from "../../../core/room/events.ts";
import { ReactionArt } from "./reaction-art.tsx";

/** The emoji of a like. */
export const LIKE_EMOJI = "❤️";

/** Most animated emoji at once: more would be neither visible nor cheap. */
const MAX_ANIMATED = 40;
/** Most of one emoji in one tick. */
const MAX_PER_BURST = 8;
const RISE_MS = 2_600;

/** New reactions by emoji, without the viewer's own, which `own` counts until the totals include them. */
export function newReactions(
  before: RoomCounts,
  now: RoomCounts,
  own: Map<string, number>,
): [emoji: string, count: number][] {
  const totals: [string, number][] = [
    [LIKE_EMOJI, now.likes - before.likes],
    ...Object.entries(now.reactions).map(([emoji, count]): [string, number] => [
      emoji,
      count - (before.reactions[emoji] ?? 0),
    ]),
  ];
  return totals.flatMap(([emoji, grown]): [string, number][] => {
    const mine = Math.min(Math.max(0, grown), own.get(emoji) ?? 0);
    own.set(emoji, (own.get(emoji) ?? 0) - mine);
    const others = grown - mine;
    return others > 0 ? [[emoji, others]] : [];
  });
}

/** A point of the window, pixels. */
export interface BurstPoint {
  readonly x: number;
  readonly y: number;
}

/** Reactions that rise together; `at` is where, null at the layer's own place. */
export interface ReactionBurst {
  readonly emoji: string;
  readonly count: number;
  readonly at: BurstPoint | null;
}

/** Animates a burst in `layer`, unless the viewer prefers reduced motion. */
export function animateReaction(layer: HTMLElement, { emoji, count, at }: ReactionBurst, random: Random): void {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden) return;
  const { left, top } = layer.getBoundingClientRect();
  for (let index = 0; index < Math.min(count, MAX_PER_BURST); index += 1) {
    if (layer.childElementCount >= MAX_ANIMATED) return;
    const flyer = document.createElement("i");
    render(createElement(ReactionArt, { emoji }), flyer);
    if (at !== null) Object.assign(flyer.style, { left: `${at.x - left}px`, top: `${at.y - top}px` });
    layer.append(flyer);
    const aside = (random() - 0.5) * 90;
    const height = 180 + random() * 120;
    flyer
      .animate(
        [
          { transform: "translate(-50%, -50%) scale(0.4)", opacity: 0 },
          {
            transform: `translate(calc(-50% + ${aside * 0.3}px), -${height * 0.15}px) scale(1.15)`,
            opacity: 1,
            offset: 0.15,
          },
          { transform: `translate(calc(-50% + ${aside}px), -${height}px) scale(1)`, opacity: 0 },
        ],
        { duration: RISE_MS * (0.8 + 0.4 * random()), delay: index * 90, easing: "ease-out", fill: "backwards" },
      )
      .finished.finally(() => flyer.remove());
  }
}
