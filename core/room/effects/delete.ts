/** A message was deleted. */
import type { EffectDefinition } from "./define-effect.ts";

/** `target`: the message's offset. */
export interface DeleteEffect {
  readonly kind: "delete";
  readonly target: number;
}

export const deleteEffect: EffectDefinition<DeleteEffect> = {
  personal: null,
  removal: ({ target }) => ({ scope: "message", offset: target }),
};
