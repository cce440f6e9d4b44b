/** Whether a message is shown: modes, the judge, the review queue. */

import { hasLink, isEmoteOnly, isShouting, type ShoutingRule } from "../../moderation/message-rules.ts";
import { type ModerationDecision as Outcome, stricterDecision } from "../../moderation/moderate.ts";
import { mergeVerdicts, type ReviewVerdict } from "../../moderation/review.ts";
import { cleanText, isBlankText } from "../../moderation/text-forms.ts";
import type { Command } from "../commands.ts";
import { type ChatModes, isStaff, type Participant, type ParticipantProfile } from "../events.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { HeldMessage, HoldReason } from "../room-model.ts";
import type { RoomErrorCode } from "../room-protocol.ts";
import { heldMessageKey, type RoomState } from "../room-state.ts";
import { commandDigest } from "./command-digest.ts";
import type { CommandAcceptance, CommandRefusal, DecisionContext } from "./decision.ts";
import { clampProgramTime } from "./program-time.ts";
import { holdReasons } from "./text-moderator.ts";

/** A message of someone with an account. */
export interface ChatEnvelope {
  readonly by: Participant & { readonly subject: string };
  readonly id: string;
  readonly act: Extract<Command, { kind: "chat" }>;
  readonly programmeMs: number | null;
  readonly opinion?: ReviewVerdict;
}

/** Shouting: more than a word or an abbreviation, nearly all of it capitals. */
const SHOUTING_RULE: ShoutingRule = { minLetters: 10, maxCapitalShare: 0.7 };

/** Decides about a message. */
export function decideChat(
  state: RoomState,
  envelope: ChatEnvelope,
  context: DecisionContext,
): CommandAcceptance | CommandRefusal {
  const { act } = envelope;
  if (act.replyTo !== undefined && context.findMessage(act.replyTo) === null) return refuseCommand("not-found");
  const broken = isStaff(envelope.by.roles) ? null : violatedMode(state.modes, envelope, context);
  if (broken !== null) return refuseCommand(broken);
  const { decision, text, reasons } = moderateMessage(state, envelope, context);
  // Without what can't be seen a text may be nothing, and some signs are several in the normal form.
  if (isBlankText(text) || text.length > ROOM_LIMITS.messageChars) return refuseCommand("malformed");
  if (decision === "deny") return refuseCommand("denied");
  const by = senderProfile(envelope.by, state, context);
  if (decision === "hold") return holdMessage(state, envelope, { by, text, reasons }, context);
  return { ok: true, effect: { ...act, by, text }, entries: [], staffNotes: [] };
}

interface MessageModeration {
  readonly decision: Outcome;
  readonly text: string;
  /** Why it is held, if it is. */
  readonly reasons: readonly HoldReason[];
}

/** What the lists, the reviewer and the mode `review` make of a message together. */
function moderateMessage(
  state: RoomState,
  { by, act, opinion }: ChatEnvelope,
  { textModerator }: DecisionContext,
): MessageModeration {
  if (isStaff(by.roles)) return { decision: "allow", text: cleanText(act.text).text, reasons: [] };
  const local = textModerator.moderateText(act.text, state);
  const { decision, text } = opinion === undefined ? local : mergeVerdicts(local, opinion);
  const reasons = holdReasons(local);
  if (opinion !== undefined && opinion.decision !== "allow") {
    reasons.push(opinion.by === "reviewer" ? "reviewer" : "unreviewed");
  }
  if (state.modes.review) reasons.push("mode");
  return { decision: stricterDecision(decision, state.modes.review ? "hold" : "allow"), text, reasons };
}

function violatedMode(modes: ChatModes, { by, act }: ChatEnvelope, context: DecisionContext): RoomErrorCode | null {
  const { nowMs } = context;
  const known = by.roles.includes("subscriber") || by.roles.includes("verified");
  if (modes.subscribersOnly && !by.roles.includes("subscriber")) return "subscribers-only";
  if (modes.verifiedOnly && !by.roles.includes("verified")) return "verified-only";
  if (modes.followersMin !== null && !known) {
    const since = by.followerSinceMs;
    if (since === null || nowMs - since < 60_000 * modes.followersMin) return "followers-only";
  }
  if (modes.emoteOnly && !isEmoteOnly(act.text)) return "emote-only";
  if (modes.noLinks && !by.roles.includes("verified") && hasLink(act.text)) return "no-links";
  if (modes.noCapitals && isShouting(act.text, SHOUTING_RULE)) return "no-capitals";
  if (modes.slowS > 0) {
    const last = context.senderTraces(by.subject)[0];
    if (last !== undefined && nowMs - last.atMs < 1_000 * modes.slowS) return "slow-mode";
  }
  return modes.unique && context.isRepeat(cleanText(act.text).text) ? "not-unique" : null;
}

function holdMessage(
  state: RoomState,
  { by, id, act, programmeMs }: ChatEnvelope,
  { by: author, text, reasons }: Pick<HeldMessage, "by" | "text" | "reasons">,
  context: DecisionContext,
): CommandAcceptance | CommandRefusal {
  const key = heldMessageKey(by.subject, id);
  if (state.heldMessages.size >= ROOM_LIMITS.heldMessages) return refuseCommand("review-full");
  const held: HeldMessage = {
    id: key,
    by: author,
    clientId: id,
    digest: commandDigest(act),
    text,
    reasons,
    ...(act.replyTo === undefined ? {} : { replyTo: act.replyTo }),
    atMs: context.nowMs,
    programmeMs: clampProgramTime(programmeMs, context.nowMs),
    device: by.device,
    address: by.address,
  };
  return {
    ok: true,
    entries: [{ of: "held", key, value: held }],
    staffNotes: [{ kind: "held", held }],
    heldId: key,
  };
}

/** The sender as all see them. */
function senderProfile(
  { subject, name, roles }: ChatEnvelope["by"],
  state: RoomState,
  { textModerator }: DecisionContext,
): ParticipantProfile {
  return { subject, name: textModerator.displayName({ subject, name, roles }, state), roles };
}

function refuseCommand(error: RoomErrorCode): CommandRefusal {
  return { ok: false, error };
}
