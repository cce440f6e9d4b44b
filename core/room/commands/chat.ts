/** Writes a message. */
import * as z from "zod/mini";
import { hasChosenName } from "../../access/account.ts";
import { isGuestSubject } from "../../access/guest.ts";
import { readInteger, readText } from "../../kit/json-fields.ts";
import { hasLink, isEmoteOnly, isShouting, type ShoutingRule } from "../../moderation/message-rules.ts";
import { type ModerationDecision as Outcome, stricterDecision } from "../../moderation/moderate.ts";
import { nameForm } from "../../moderation/name-form.ts";
import { mergeVerdicts } from "../../moderation/review.ts";
import { cleanText, isBlankText } from "../../moderation/text-forms.ts";
import type { ChatModes } from "../chat-modes.ts";
import type { DenialReason } from "../entries/denied.ts";
import type { HeldMessage, HoldReason } from "../entries/held.ts";
import { nameFormsOf } from "../entries/staff.ts";
import { OFFSET_FIELD, textField } from "../field-schemas.ts";
import { isStaff, type ParticipantProfile } from "../participants.ts";
import type { RoomErrorCode } from "../room-errors.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { heldMessageKey, type RoomState } from "../room-state.ts";
import { commandDigest } from "../sequencer/command-digest.ts";
import type { CommandAcceptance, CommandRefusal, DecisionContext } from "../sequencer/decision.ts";
import { clampProgramTime } from "../sequencer/program-time.ts";
import { denialReasons as denialReasonsOf, holdReasons } from "../sequencer/text-moderator.ts";
import { refuseCommand } from "./decision.ts";
import { type AccountEnvelope, type CommandDefinition, defineCommand } from "./define-command.ts";
import { denyMessage } from "./denial.ts";

/** `replyTo`: the offset of the message that it answers. */
export interface ChatCommand {
  readonly kind: "chat";
  readonly text: string;
  readonly replyTo?: number;
}

export const chatCommand: CommandDefinition<ChatCommand> = defineCommand<ChatCommand>({
  kind: "chat",
  minRank: "viewer",
  fields: { text: textField(ROOM_LIMITS.messageChars), replyTo: z.exactOptional(OFFSET_FIELD) },
  read: (fields) => {
    const text = readText(fields["text"], ROOM_LIMITS.messageChars);
    if (text === null) return null;
    if (fields["replyTo"] === undefined) return { kind: "chat", text };
    const replyTo = readInteger(fields["replyTo"], 1);
    return replyTo === null ? null : { kind: "chat", text, replyTo };
  },
  target: ({ replyTo }) => replyTo ?? null,
  decide: (state, envelope, context) => decideChat(state, envelope, context),
});

/** Shouting: longer than an abbreviation, and mostly capitals. */
const SHOUTING_RULE: ShoutingRule = { minLetters: 10, maxCapitalShare: 0.7 };

/** Decides about a message: modes, word lists, the reviewer's verdict. */
function decideChat(
  state: RoomState,
  envelope: AccountEnvelope<ChatCommand>,
  context: DecisionContext,
): CommandAcceptance | CommandRefusal {
  const { act } = envelope;
  if (act.replyTo !== undefined && context.findMessage(act.replyTo) === null) return refuseCommand("not-found");
  const violated = isStaff(envelope.by.roles)
    ? null
    : (violatedNameRule(state, envelope, context) ?? violatedMode(state.modes, envelope, context));
  if (violated !== null) return refuseCommand(violated);
  const { decision, text, reasons, denialReasons } = moderateMessage(state, envelope, context);
  // Cleaning removes invisible characters, and the normal form of some characters is longer.
  if (isBlankText(text) || text.length > ROOM_LIMITS.messageChars) return refuseCommand("malformed");
  const by = senderProfile(envelope.by, state, context);
  if (decision === "deny")
    return denyMessage(state, describeMessage(envelope, { by, text, reasons: denialReasons }, context));
  if (decision === "hold") return holdMessage(state, describeMessage(envelope, { by, text, reasons }, context));
  return { ok: true, effect: { ...act, by, text }, entries: [], staffNotes: [] };
}

interface MessageModeration {
  readonly decision: Outcome;
  readonly text: string;
  /** Why it is held; empty where it is not. */
  readonly reasons: readonly HoldReason[];
  /** Why it is refused; empty where it is not. */
  readonly denialReasons: readonly DenialReason[];
}

/** The strictest decision of the lists, the reviewer and the mode `review`. */
function moderateMessage(
  state: RoomState,
  { by, act, opinion }: AccountEnvelope<ChatCommand>,
  { textModerator }: DecisionContext,
): MessageModeration {
  if (isStaff(by.roles)) return { decision: "allow", text: cleanText(act.text).text, reasons: [], denialReasons: [] };
  const local = textModerator.moderateText(act.text, state);
  const { decision, text } = opinion === undefined ? local : mergeVerdicts(local, opinion);
  const reasons = holdReasons(local);
  if (opinion !== undefined && opinion.decision !== "allow") {
    reasons.push(opinion.by === "reviewer" ? "reviewer" : "unreviewed");
  }
  if (state.modes.review) reasons.push("mode");
  const byReviewer: readonly DenialReason[] = opinion?.decision === "deny" ? ["reviewer"] : [];
  return {
    decision: stricterDecision(decision, state.modes.review ? "hold" : "allow"),
    text,
    reasons,
    denialReasons: [...denialReasonsOf(local), ...byReviewer],
  };
}

/** Why somebody without an account, or under a name of their choice, may not write now; or null. */
function violatedNameRule(
  state: RoomState,
  { by }: AccountEnvelope<ChatCommand>,
  { nowMs }: DecisionContext,
): RoomErrorCode | null {
  if (state.modes.accountsOnly && isGuestSubject(by.subject)) return "accounts-only";
  if (!hasChosenName(by.subject)) return null;
  const form = nameForm(by.name);
  for (const [subject, grant] of state.staffGrants) {
    if (grant.untilMs <= nowMs || !nameFormsOf(grant).includes(form)) continue;
    if (state.effectiveRank(subject, nowMs) !== "viewer") return "name-reserved";
  }
  return null;
}

function violatedMode(
  modes: ChatModes,
  { by, act }: AccountEnvelope<ChatCommand>,
  context: DecisionContext,
): RoomErrorCode | null {
  const { nowMs } = context;
  const exempt = by.roles.includes("subscriber") || by.roles.includes("verified");
  if (modes.subscribersOnly && !by.roles.includes("subscriber")) return "subscribers-only";
  if (modes.verifiedOnly && !by.roles.includes("verified")) return "verified-only";
  if (modes.followersMin !== null && !exempt) {
    const since = by.followerSinceMs;
    if (since === null || nowMs - since < 60_000 * modes.followersMin) return "followers-only";
  }
  if (modes.emoteOnly && !isEmoteOnly(act.text)) return "emote-only";
  if (modes.noLinks && !by.roles.includes("verified") && hasLink(act.text)) return "no-links";
  if (modes.noCapitals && isShouting(act.text, SHOUTING_RULE)) return "no-capitals";
  if (modes.slowS > 0) {
    const last = context.senderTraces(by.subject)[0];
    const sinceMs = last === undefined ? Number.POSITIVE_INFINITY : nowMs - last.atMs;
    // A clock that was set back says nothing of the time since the last message.
    if (sinceMs >= 0 && sinceMs < 1_000 * modes.slowS) return "slow-mode";
  }
  return modes.unique && context.isRepeat(cleanText(act.text).text) ? "not-unique" : null;
}

/** A message as it waits for a moderator, or as the staff sees that it was refused. */
function describeMessage<Reason>(
  { by, id, act, programmeMs }: AccountEnvelope<ChatCommand>,
  { by: author, text, reasons }: Pick<HeldMessage, "by" | "text"> & { readonly reasons: readonly Reason[] },
  { nowMs }: DecisionContext,
): Omit<HeldMessage, "digest" | "reasons"> & { readonly digest: string; readonly reasons: readonly Reason[] } {
  return {
    id: heldMessageKey(by.subject, id),
    by: author,
    clientId: id,
    digest: commandDigest(act),
    text,
    reasons,
    ...(act.replyTo === undefined ? {} : { replyTo: act.replyTo }),
    atMs: nowMs,
    programmeMs: clampProgramTime(programmeMs, nowMs),
    device: by.device,
    address: by.address,
  };
}

function holdMessage(state: RoomState, held: HeldMessage): CommandAcceptance | CommandRefusal {
  if (state.heldMessages.size >= ROOM_LIMITS.heldMessages) return refuseCommand("review-full");
  return {
    ok: true,
    entries: [{ of: "held", key: held.id, value: held }],
    staffNotes: [{ kind: "held", held }],
    heldId: held.id,
  };
}

/** The sender's public profile. */
function senderProfile(
  { subject, name, roles }: AccountEnvelope<ChatCommand>["by"],
  state: RoomState,
  { textModerator }: DecisionContext,
): ParticipantProfile {
  return { subject, name: textModerator.displayName({ subject, name, roles }, state), roles };
}
