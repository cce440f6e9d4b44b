/** A participant may not write until a time. */
import { type EffectDefinition, namedSubject } from "./define-effect.ts";

/** `untilMs`: the end of the timeout, ms since the epoch. */
export interface TimeoutEffect {
  readonly kind: "timeout";
  readonly subject: string;
  readonly untilMs: number;
}

export const timeoutEffect: EffectDefinition<TimeoutEffect> = {
  personal: namedSubject("timeout", ({ atMs }) => ({ untilMs: atMs })),
};
