/** Whether a message is shown: modes, the judge, the review queue. */
import { clean, isBlank } from "../moderation/clean.ts";
import { type Decision as Outcome, stricter } from "../moderation/moderate.ts";
import { combined, type Opinion } from "../moderation/review.ts";
import { type CapitalsRule, hasLink, isEmoteOnly, isShouting } from "../moderation/rules.ts";
import { actDigest } from "./act-digest.ts";
import type { Decision, Refusal, Surroundings } from "./decide.ts";
import { type Author, isStaff, type Modes, type Viewer } from "./events.ts";
import { reasonsOf } from "./judge.ts";
import { ROOM_LIMITS } from "./limits.ts";
import { programmeTime } from "./programme.ts";
import { type Held, type HeldReason, heldKey, type RoomState } from "./state.ts";
import type { Act, ErrorCode } from "./wire.ts";

/** A message of someone with an account. */
export interface AskedChat {
  readonly by: Viewer & { readonly subject: string };
  readonly id: string;
  readonly act: Extract<Act, { kind: "chat" }>;
  readonly programmeMs: number | null;
  readonly opinion?: Opinion;
}

/** Shouting: more than a word or an abbreviation, nearly all of it capitals. */
const CAPITALS: CapitalsRule = { leastLetters: 10, mostShare: 0.7 };

/** Decides about a message. */
export function decideChat(state: RoomState, asked: AskedChat, around: Surroundings): Decision | Refusal {
  const { act } = asked;
  if (act.replyTo !== undefined && around.message(act.replyTo) === null) return no("not-found");
  const broken = isStaff(asked.by.roles) ? null : brokenMode(state.modes, asked, around);
  if (broken !== null) return no(broken);
  const { decision, text, reasons } = judged(state, asked, around);
  // Without what can't be seen a text may be nothing, and some signs are several in the normal form.
  if (isBlank(text) || text.length > ROOM_LIMITS.textChars) return no("malformed");
  if (decision === "deny") return no("denied");
  const by = author(asked.by, state, around);
  if (decision === "hold") return hold(state, asked, { by, text, reasons }, around);
  return { ok: true, event: { ...act, by, text }, facts: [], notes: [] };
}

interface Judged {
  readonly decision: Outcome;
  readonly text: string;
  /** Why it is held, if it is. */
  readonly reasons: readonly HeldReason[];
}

/** What the lists, the reviewer and the mode `review` make of a message together. */
function judged(state: RoomState, { by, act, opinion }: AskedChat, { judge }: Surroundings): Judged {
  if (isStaff(by.roles)) return { decision: "allow", text: clean(act.text).text, reasons: [] };
  const local = judge.text(act.text, state);
  const { decision, text } = opinion === undefined ? local : combined(local, opinion);
  const reasons = reasonsOf(local);
  if (opinion !== undefined && opinion.decision !== "allow") {
    reasons.push(opinion.by === "reviewer" ? "reviewer" : "unreviewed");
  }
  if (state.modes.review) reasons.push("mode");
  return { decision: stricter(decision, state.modes.review ? "hold" : "allow"), text, reasons };
}

function brokenMode(modes: Modes, { by, act }: AskedChat, around: Surroundings): ErrorCode | null {
  const { nowMs } = around;
  const known = by.roles.includes("subscriber") || by.roles.includes("verified");
  if (modes.subscribersOnly && !by.roles.includes("subscriber")) return "subscribers-only";
  if (modes.verifiedOnly && !by.roles.includes("verified")) return "verified-only";
  if (modes.followersMin !== null && !known) {
    const since = by.followerSinceMs;
    if (since === null || nowMs - since < 60_000 * modes.followersMin) return "followers-only";
  }
  if (modes.emoteOnly && !isEmoteOnly(act.text)) return "emote-only";
  if (modes.noLinks && !by.roles.includes("verified") && hasLink(act.text)) return "no-links";
  if (modes.noCapitals && isShouting(act.text, CAPITALS)) return "no-capitals";
  if (modes.slowS > 0) {
    const last = around.traces(by.subject)[0];
    if (last !== undefined && nowMs - last.atMs < 1_000 * modes.slowS) return "slow-mode";
  }
  return modes.unique && around.wasWritten(clean(act.text).text) ? "not-unique" : null;
}

function hold(
  state: RoomState,
  { by, id, act, programmeMs }: AskedChat,
  { by: author, text, reasons }: Pick<Held, "by" | "text" | "reasons">,
  around: Surroundings,
): Decision | Refusal {
  const key = heldKey(by.subject, id);
  if (state.held.size >= ROOM_LIMITS.held) return no("review-full");
  const held: Held = {
    id: key,
    by: author,
    clientId: id,
    digest: actDigest(act),
    text,
    reasons,
    ...(act.replyTo === undefined ? {} : { replyTo: act.replyTo }),
    atMs: around.nowMs,
    programmeMs: programmeTime(programmeMs, around.nowMs),
    device: by.device,
    address: by.address,
  };
  return {
    ok: true,
    facts: [{ of: "held", key, value: held }],
    notes: [{ kind: "held", held }],
    held: key,
  };
}

/** The sender as all see them. */
function author({ subject, name, roles }: AskedChat["by"], state: RoomState, { judge }: Surroundings): Author {
  return { subject, name: judge.name({ subject, name, roles }, state), roles };
}

function no(error: ErrorCode): Refusal {
  return { ok: false, error };
}
