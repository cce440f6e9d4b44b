/** A subject was erased. */
import type { EffectDefinition } from "./define-effect.ts";

/** `targets`: offsets of the events that lose their personal data. */
export interface EraseEffect {
  readonly kind: "erase";
  readonly targets: readonly number[];
}

export const eraseEffect: EffectDefinition<EraseEffect> = {
  personal: null,
  removal: ({ targets }) => ({ scope: "events", offsets: targets }),
};
