/** The chat modes changed. */
import type { ChatModes } from "../chat-modes.ts";
import type { EffectDefinition } from "./define-effect.ts";

/** `modes`: all modes, as they are after the change. */
export interface ModesEffect {
  readonly kind: "modes";
  readonly modes: ChatModes;
}

export const modesEffect: EffectDefinition<ModesEffect> = {
  personal: null,
};
