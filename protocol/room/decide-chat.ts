/** Whether a message is shown: modes, the judge, the review queue. */
import type { Decision, Refusal, Surroundings } from "./decide.ts";
import { isStaff, type Modes, type Viewer } from "./events.ts";
import { ROOM_LIMITS } from "./limits.ts";
import { programmeTime } from "./programme.ts";
import type { Held, RoomState } from "./state.ts";
import type { Act, ErrorCode } from "./wire.ts";

/** A message of someone with an account. */
export interface AskedChat {
  readonly by: Viewer & { readonly subject: string };
  readonly id: string;
  readonly act: Extract<Act, { kind: "chat" }>;
  readonly programmeMs: number | null;
}

/** Decides about a message. */
export function decideChat(state: RoomState, asked: AskedChat, around: Surroundings): Decision | Refusal {
  const { by, act } = asked;
  const exempt = isStaff(by.roles);
  if (act.replyTo !== undefined && around.message(act.replyTo) === null) return { ok: false, error: "not-found" };
  const broken = exempt ? null : brokenMode(state.modes, asked, around);
  if (broken !== null) return { ok: false, error: broken };
  const judged = exempt ? { verdict: "allow" as const } : around.judge(act.text, { by, words: state.words });
  if (judged.verdict === "deny") return { ok: false, error: "denied" };
  if (judged.verdict === "hold" || (state.modes.review && !exempt)) return hold(state, asked, around);
  const text = judged.verdict === "rewrite" ? judged.text : act.text;
  return { ok: true, event: { ...act, by: author(by), text }, facts: [], notes: [] };
}

const EMOTES = /^(?:\s|:[a-z0-9_]{1,32}:|\p{RGI_Emoji})+$/iv;

function brokenMode(modes: Modes, { by, act }: AskedChat, around: Surroundings): ErrorCode | null {
  const { nowMs } = around;
  const known = by.roles.includes("subscriber") || by.roles.includes("verified");
  if (modes.subscribersOnly && !by.roles.includes("subscriber")) return "subscribers-only";
  if (modes.verifiedOnly && !by.roles.includes("verified")) return "verified-only";
  if (modes.followersMin !== null && !known) {
    const since = by.followerSinceMs;
    if (since === null || nowMs - since < 60_000 * modes.followersMin) return "followers-only";
  }
  if (modes.emoteOnly && !EMOTES.test(act.text)) return "emote-only";
  if (modes.slowS > 0) {
    const last = around.traces(by.subject)[0];
    if (last !== undefined && nowMs - last.atMs < 1_000 * modes.slowS) return "slow-mode";
  }
  return modes.unique && around.wasWritten(act.text) ? "not-unique" : null;
}

function hold(state: RoomState, { by, id, act, programmeMs }: AskedChat, around: Surroundings): Decision | Refusal {
  // The same for the same message, so that one that is sent again is held once.
  const key = `${by.subject}/${id}`;
  if (state.held.has(key)) return { ok: true, facts: [], notes: [], held: key };
  if (state.held.size >= ROOM_LIMITS.held) return { ok: false, error: "review-full" };
  const held: Held = {
    id: key,
    by: author(by),
    clientId: id,
    text: act.text,
    reasons: state.modes.review ? ["mode"] : [],
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

function author({ subject, name, roles }: AskedChat["by"]): Held["by"] {
  return { subject, name, roles };
}
