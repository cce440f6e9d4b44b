/** A person's bans and timeouts were lifted. */
import { type EffectDefinition, namedSubject } from "./define-effect.ts";

/** `subject`: the person. */
export interface UnbanEffect {
  readonly kind: "unban";
  readonly subject: string;
}

export const unbanEffect: EffectDefinition<UnbanEffect> = {
  personal: namedSubject("unban"),
  revocation: "lift",
};
