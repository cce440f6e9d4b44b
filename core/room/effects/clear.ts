/** All messages of a person were deleted. */
import { type EffectDefinition, namedSubject } from "./define-effect.ts";

/** `subject`: the messages' author. */
export interface ClearEffect {
  readonly kind: "clear";
  readonly subject: string;
}

export const clearEffect: EffectDefinition<ClearEffect> = {
  personal: namedSubject("clear"),
  removal: ({ subject }) => ({ scope: "author", subject }),
};
