/** A person was banned. */
import { type EffectDefinition, namedSubject } from "./define-effect.ts";

/** `subject`: the banned person. */
export interface BanEffect {
  readonly kind: "ban";
  readonly subject: string;
}

export const banEffect: EffectDefinition<BanEffect> = {
  personal: namedSubject("ban"),
  revocation: "add",
};
