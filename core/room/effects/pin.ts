/** A message was pinned, or the pin was removed. */
import type { EffectDefinition } from "./define-effect.ts";

/** `target`: the message's offset; null removes the pin. */
export interface PinEffect {
  readonly kind: "pin";
  readonly target: number | null;
}

export const pinEffect: EffectDefinition<PinEffect> = {
  personal: null,
};
