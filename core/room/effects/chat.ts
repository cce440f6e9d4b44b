/** A message was written. */

import { ERASED_PROFILE, type ParticipantProfile } from "../participants.ts";
import type { EffectDefinition } from "./define-effect.ts";

/** A message. `replyTo`: the offset of another one; `gone`: its text was removed. */
export interface ChatEffect {
  readonly kind: "chat";
  readonly by: ParticipantProfile;
  readonly text: string;
  readonly replyTo?: number;
  readonly gone?: true;
}

export const chatEffect: EffectDefinition<ChatEffect> = {
  personal: {
    subject: ({ by }) => by.subject,
    redacted: () => ({ kind: "chat", by: ERASED_PROFILE, text: "", gone: true }),
  },
};
