/** A moderator was appointed in the room, or removed. */
import { type EffectDefinition, namedSubject } from "./define-effect.ts";

/** `role`: null removes the role that the room gave. */
export interface RoleEffect {
  readonly kind: "role";
  readonly subject: string;
  readonly role: "moderator" | null;
}

export const roleEffect: EffectDefinition<RoleEffect> = {
  personal: namedSubject("role", () => ({ role: null })),
};
