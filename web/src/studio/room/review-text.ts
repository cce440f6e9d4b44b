/** Why a message waits or was refused, in words; pure. */
import type { DenialReason } from "../../../../core/room/entries/denied.ts";
import type { HoldReason } from "../../../../core/room/entries/held.ts";

/** Why a message is held, as a person reads it; a reason of a later release as it is. */
export function holdReasonText(reason: HoldReason): string {
  if (reason === "mode") return "every message is reviewed";
  if (reason === "reviewer") return "the reviewer is unsure";
  return reason === "unreviewed" ? "the reviewer did not answer" : `may be ${reason}`;
}

const DENIAL_TEXTS: Readonly<Record<DenialReason, string>> = {
  profanity: "strong language",
  sexual: "sexual words",
  hate: "hate",
  harassment: "harassment",
  spam: "spam",
  blocked: "a blocked word",
  reviewer: "refused by the reviewer",
};

/** Why a message was refused, as a person reads it; a reason of a later release as it is. */
export const denialReasonText = (reason: DenialReason): string => DENIAL_TEXTS[reason] ?? reason;
