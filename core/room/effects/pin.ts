/** A message was pinned, or none is pinned any more. */
import type { EffectDefinition } from "./define-effect.ts";

/** `target`: the message's offset; null removes the pin. */
export interface PinEffect {
  readonly kind: "pin";
  readonly target: number | null;
}

export const pinEffect: EffectDefinition<PinEffect> = {
  personal: null,
};
