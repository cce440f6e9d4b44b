/** What those who moderate may do, and what it changes. */

import type { Effect } from "../effects/index.ts";
import type { Participant } from "../events.ts";
import { networkBanEndMs } from "../network-name-rotation.ts";
import {
  higherRank,
  mayIssueCommand,
  mayLiftSanction,
  mayRemoveMessage,
  maySanction,
  rankOfRoles,
} from "../permissions.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { Command, ModerationList, RoomErrorCode } from "../room-protocol.ts";
import {
  networkSanctionKey,
  type PinnedMessage,
  type RoomState,
  type Sanction,
  type StateEntry,
  sanctionKeys,
} from "../room-state.ts";
import type { CommandAcceptance, CommandRefusal, DecisionContext } from "./decide.ts";

/** An act of someone with an account. */
export interface ModerationEnvelope {
  readonly by: Participant & { readonly subject: string };
  readonly id: string;
  readonly act: Exclude<Command, { kind: "chat" }>;
}

/** Decides about a moderator's act. */
export function decideModeration(
  state: RoomState,
  envelope: ModerationEnvelope,
  context: DecisionContext,
): CommandAcceptance | CommandRefusal {
  const { by, act } = envelope;
  const rank = rankOfRoles(by.roles);
  if (!mayIssueCommand(rank, act.kind)) return refuseCommand("forbidden");
  switch (act.kind) {
    case "delete":
      return decideDelete(state, by, act.target, context);
    case "clear": {
      if (!mayRemoveMessage(rank, state.effectiveRank(act.subject, context.nowMs))) return refuseCommand("forbidden");
      const pinned = state.pinned?.by.subject === act.subject;
      return acceptAudited(act.kind, act.subject, { kind: "clear", subject: act.subject }, pinned ? [UNPIN_ENTRY] : []);
    }
    case "pin":
      return decidePin(act, context);
    case "modes": {
      const modes = { ...state.modes, ...act.modes };
      return acceptAudited(act.kind, JSON.stringify(act.modes), { kind: "modes", modes }, [
        { of: "modes", key: "", value: modes },
      ]);
    }
    case "timeout":
    case "ban":
      return decideSanction(state, envelope, context);
    case "unban":
      return decideUnban(state, by, act.subject);
    case "role":
      return decideRole(state, act.subject, act.role);
    case "words":
      return acceptAudited(act.kind, `${act.words.length} words`, RULES_EFFECT, [
        { of: "words", key: "", value: act.words },
      ]);
    case "automod": {
      const { levels, allowed } = act.automod;
      const { automod } = state;
      const value = { levels: { ...automod.levels, ...levels }, allowed: allowed ?? automod.allowed };
      const about = allowed === undefined ? JSON.stringify(levels ?? {}) : `${allowed.length} allowed words`;
      return acceptAudited(act.kind, about, RULES_EFFECT, [{ of: "automod", key: "", value }]);
    }
    case "approve":
    case "deny":
      return decideReview(state, act.kind, act.held);
    case "list":
      return { ok: true, entries: [], staffNotes: [], list: readList(state, act.what, context) };
  }
}

/** Shards learn facts with the event that came of them. */
const RULES_EFFECT: Effect = { kind: "rules" };
const UNPIN_ENTRY: StateEntry = { of: "pin", key: "", value: null };

function decideDelete(
  state: RoomState,
  by: Participant,
  target: number,
  context: DecisionContext,
): CommandAcceptance | CommandRefusal {
  const author = context.findMessage(target)?.by;
  if (author === undefined) return refuseCommand("not-found");
  const rank = higherRank(rankOfRoles(author.roles), state.effectiveRank(author.subject, context.nowMs));
  if (!mayRemoveMessage(rankOfRoles(by.roles), rank)) return refuseCommand("forbidden");
  const facts = state.pinned?.offset === target ? [UNPIN_ENTRY] : [];
  return acceptAudited("delete", String(target), { kind: "delete", target }, facts);
}

function decidePin(
  { target, atProgrammeMs }: Extract<Command, { kind: "pin" }>,
  context: DecisionContext,
): CommandAcceptance | CommandRefusal {
  const message = target === null ? null : context.findMessage(target);
  if (target !== null && message === null) return refuseCommand("not-found");
  if (atProgrammeMs === undefined) return acceptPin(target, message);
  // As far ahead as history reaches back.
  if (Math.abs(atProgrammeMs - context.nowMs) > ROOM_LIMITS.retentionMs) return refuseCommand("malformed");
  const decision = acceptPin(target, message === null ? null : { ...message, fromProgrammeMs: atProgrammeMs });
  return { ...decision, programTimeMs: atProgrammeMs };
}

function acceptPin(target: number | null, value: PinnedMessage | null): CommandAcceptance {
  return acceptAudited("pin", String(target), { kind: "pin", target }, [{ of: "pin", key: "", value }]);
}

/** A sanction of the account; where it is a ban, of the devices that it wrote from, and of the addresses where that is asked. */
function decideSanction(
  state: RoomState,
  { by, act }: ModerationEnvelope,
  context: DecisionContext,
): CommandAcceptance | CommandRefusal {
  if (act.kind !== "ban" && act.kind !== "timeout") return refuseCommand("forbidden");
  const { subject } = act;
  const rank = rankOfRoles(by.roles);
  if (subject === by.subject || !maySanction(rank, state.effectiveRank(subject, context.nowMs)))
    return refuseCommand("forbidden");
  const keys = new Set([`account:${subject}`]);
  const traces = context.senderTraces(subject);
  const networks = new Set(traces.map(({ address }) => networkSanctionKey(address)));
  if (act.kind === "ban") {
    for (const { device, address } of traces) {
      for (const key of sanctionKeys({ subject: null, device, address: act.address ? address : "" })) keys.add(key);
    }
    // Whoever shares the moderator's own device or connection is not shut out with it.
    for (const key of sanctionKeys(by)) keys.delete(key);
  }
  const most = ROOM_LIMITS.sanctions - (rank === "host" ? 0 : ROOM_LIMITS.sanctionsReservedForHosts);
  if (state.sanctions.size + keys.size > most) return refuseCommand("full");
  const untilMs = act.kind === "ban" ? null : context.nowMs + 1_000 * act.seconds;
  const value: Sanction = { subject, by: by.subject, rank, ban: act.kind === "ban", untilMs };
  const facts = [...keys].flatMap((key): StateEntry[] => {
    const standing = state.sanctions.get(key);
    const stands = standing !== undefined && (standing.untilMs === null || standing.untilMs > context.nowMs);
    // A timeout doesn't soften a ban, and nobody replaces what a higher one has set.
    const kept = stands && ((standing.ban && !value.ban) || !mayLiftSanction(rank, standing.rank ?? rank));
    if (kept) return [];
    // A network's name is for a day; a ban of it ends when nobody can have it any more.
    const ofNetwork = untilMs === null && networks.has(key);
    return [{ of: "sanction", key, value: ofNetwork ? { ...value, untilMs: networkBanEndMs(context.nowMs) } : value }];
  });
  const event: Effect = untilMs === null ? { kind: "ban", subject } : { kind: "timeout", subject, untilMs };
  return acceptAudited(act.kind, subject, event, facts);
}

function decideUnban(state: RoomState, by: Participant, subject: string): CommandAcceptance | CommandRefusal {
  const set = [...state.sanctions].filter(([, value]) => value.subject === subject);
  const rank = rankOfRoles(by.roles);
  if (set.some(([, value]) => !mayLiftSanction(rank, value.rank ?? rank))) return refuseCommand("forbidden");
  const facts = set.map(([key]): StateEntry => ({ of: "sanction", key, value: null }));
  return facts.length === 0
    ? refuseCommand("not-found")
    : acceptAudited("unban", subject, { kind: "unban", subject }, facts);
}

function decideRole(state: RoomState, subject: string, role: "moderator" | null): CommandAcceptance | CommandRefusal {
  if (role !== null && state.moderators.size >= ROOM_LIMITS.moderators) return refuseCommand("full");
  return acceptAudited("role", `${subject}: ${role ?? "none"}`, { kind: "role", subject, role }, [
    { of: "role", key: subject, value: role },
  ]);
}

function decideReview(state: RoomState, kind: "approve" | "deny", id: string): CommandAcceptance | CommandRefusal {
  const held = state.heldMessages.get(id);
  if (held === undefined) return refuseCommand("not-found");
  const { by, clientId, digest, text, replyTo, programmeMs, device, address } = held;
  const event: Effect = { kind: "chat", by, text, ...(replyTo === undefined ? {} : { replyTo }) };
  return {
    ...acceptAudited(kind, id, kind === "approve" ? event : null, [{ of: "held", key: id, value: null }]),
    attribution: {
      by: { subject: by.subject, roles: by.roles, device, address },
      id: clientId,
      ...(digest === undefined ? {} : { digest }),
      programTimeMs: programmeMs,
    },
    staffNotes: [{ kind: "settled", id }],
  };
}

function readList(state: RoomState, what: ModerationList["what"], context: DecisionContext): ModerationList {
  const { listEntries: most } = ROOM_LIMITS;
  switch (what) {
    case "held":
      return { what, held: [...state.heldMessages.values()].slice(0, most) };
    case "bans":
      return { what, bans: [...state.sanctions].slice(-most).map(([key, value]) => ({ key, ...value })) };
    case "audit":
      return { what, audit: context.auditLog().slice(0, most) };
    case "words":
      return { what, words: state.words };
    case "moderators":
      return { what, moderators: [...state.moderators] };
    case "automod":
      return { what, automod: state.automod };
  }
}

function acceptAudited(
  act: NonNullable<CommandAcceptance["audit"]>["act"],
  about: string,
  event: Effect | null,
  facts: readonly StateEntry[],
): CommandAcceptance {
  return {
    ok: true,
    ...(event === null ? {} : { effect: event }),
    entries: facts,
    audit: { act, about },
    staffNotes: [],
  };
}

function refuseCommand(error: RoomErrorCode): CommandRefusal {
  return { ok: false, error };
}
