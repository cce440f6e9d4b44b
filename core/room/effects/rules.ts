/** Blocked words or AutoMod settings changed; staff request the lists. */
import type { EffectDefinition } from "./define-effect.ts";

/** It carries no data: viewers may not see the lists. */
export interface RulesEffect {
  readonly kind: "rules";
}

export const rulesEffect: EffectDefinition<RulesEffect> = {
  personal: null,
};
