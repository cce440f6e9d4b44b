/** What those who moderate may do, and what it changes. */
import { networkBanEndsMs } from "./address-days.ts";
import { higher, mayDo, mayLift, mayRemove, maySanction, rankOf } from "./authority.ts";
import type { Decision, Refusal, Surroundings } from "./decide.ts";
import type { Happening, Viewer } from "./events.ts";
import { ROOM_LIMITS } from "./limits.ts";
import { addressKey, type Fact, type Pinned, type RoomState, type Sanction, sanctionKeys } from "./state.ts";
import type { Act, ErrorCode, Listed } from "./wire.ts";

/** An act of someone with an account. */
export interface AskedModeration {
  readonly by: Viewer & { readonly subject: string };
  readonly id: string;
  readonly act: Exclude<Act, { kind: "chat" }>;
}

/** Decides about a moderator's act. */
export function decideModeration(state: RoomState, asked: AskedModeration, around: Surroundings): Decision | Refusal {
  const { by, act } = asked;
  const rank = rankOf(by.roles);
  if (!mayDo(rank, act.kind)) return no("forbidden");
  switch (act.kind) {
    case "delete":
      return remove(state, by, act.target, around);
    case "clear": {
      if (!mayRemove(rank, state.rankOf(act.subject, around.nowMs))) return no("forbidden");
      const pinned = state.pin?.by.subject === act.subject;
      return acted(act.kind, act.subject, { kind: "clear", subject: act.subject }, pinned ? [unpinned] : []);
    }
    case "pin":
      return pin(act, around);
    case "modes": {
      const modes = { ...state.modes, ...act.modes };
      return acted(act.kind, JSON.stringify(act.modes), { kind: "modes", modes }, [
        { of: "modes", key: "", value: modes },
      ]);
    }
    case "timeout":
    case "ban":
      return sanction(state, asked, around);
    case "unban":
      return unban(state, by, act.subject);
    case "role":
      return appoint(state, act.subject, act.role);
    case "words":
      return acted(act.kind, `${act.words.length} words`, RULES, [{ of: "words", key: "", value: act.words }]);
    case "automod": {
      const { levels, allowed } = act.automod;
      const { automod } = state;
      const value = { levels: { ...automod.levels, ...levels }, allowed: allowed ?? automod.allowed };
      const about = allowed === undefined ? JSON.stringify(levels ?? {}) : `${allowed.length} allowed words`;
      return acted(act.kind, about, RULES, [{ of: "automod", key: "", value }]);
    }
    case "approve":
    case "deny":
      return settle(state, act.kind, act.held);
    case "list":
      return { ok: true, facts: [], notes: [], list: listed(state, act.what, around) };
  }
}

/** Shards learn facts with the event that came of them. */
const RULES: Happening = { kind: "rules" };
const unpinned: Fact = { of: "pin", key: "", value: null };

function remove(state: RoomState, by: Viewer, target: number, around: Surroundings): Decision | Refusal {
  const author = around.message(target)?.by;
  if (author === undefined) return no("not-found");
  const rank = higher(rankOf(author.roles), state.rankOf(author.subject, around.nowMs));
  if (!mayRemove(rankOf(by.roles), rank)) return no("forbidden");
  const facts = state.pin?.offset === target ? [unpinned] : [];
  return acted("delete", String(target), { kind: "delete", target }, facts);
}

function pin({ target, atProgrammeMs }: Extract<Act, { kind: "pin" }>, around: Surroundings): Decision | Refusal {
  const message = target === null ? null : around.message(target);
  if (target !== null && message === null) return no("not-found");
  if (atProgrammeMs === undefined) return pinned(target, message);
  // As far ahead as history reaches back.
  if (Math.abs(atProgrammeMs - around.nowMs) > ROOM_LIMITS.keepMs) return no("malformed");
  const decision = pinned(target, message === null ? null : { ...message, fromProgrammeMs: atProgrammeMs });
  return { ...decision, programmeMs: atProgrammeMs };
}

function pinned(target: number | null, value: Pinned | null): Decision {
  return acted("pin", String(target), { kind: "pin", target }, [{ of: "pin", key: "", value }]);
}

/** A sanction of the account; where it is a ban, of the devices that it wrote from, and of the addresses where that is asked. */
function sanction(state: RoomState, { by, act }: AskedModeration, around: Surroundings): Decision | Refusal {
  if (act.kind !== "ban" && act.kind !== "timeout") return no("forbidden");
  const { subject } = act;
  const rank = rankOf(by.roles);
  if (subject === by.subject || !maySanction(rank, state.rankOf(subject, around.nowMs))) return no("forbidden");
  const keys = new Set([`account:${subject}`]);
  const traces = around.traces(subject);
  const networks = new Set(traces.map(({ address }) => addressKey(address)));
  if (act.kind === "ban") {
    for (const { device, address } of traces) {
      for (const key of sanctionKeys({ subject: null, device, address: act.address ? address : "" })) keys.add(key);
    }
    // Whoever shares the moderator's own device or connection is not shut out with it.
    for (const key of sanctionKeys(by)) keys.delete(key);
  }
  const most = ROOM_LIMITS.sanctions - (rank === "host" ? 0 : ROOM_LIMITS.hostSanctions);
  if (state.sanctions.size + keys.size > most) return no("full");
  const untilMs = act.kind === "ban" ? null : around.nowMs + 1_000 * act.seconds;
  const value: Sanction = { subject, by: by.subject, rank, ban: act.kind === "ban", untilMs };
  const facts = [...keys].flatMap((key): Fact[] => {
    const standing = state.sanctions.get(key);
    const stands = standing !== undefined && (standing.untilMs === null || standing.untilMs > around.nowMs);
    // A timeout doesn't soften a ban, and nobody replaces what a higher one has set.
    const kept = stands && ((standing.ban && !value.ban) || !mayLift(rank, standing.rank ?? rank));
    if (kept) return [];
    // A network's name is for a day; a ban of it ends when nobody can have it any more.
    const ofNetwork = untilMs === null && networks.has(key);
    return [{ of: "sanction", key, value: ofNetwork ? { ...value, untilMs: networkBanEndsMs(around.nowMs) } : value }];
  });
  const event: Happening = untilMs === null ? { kind: "ban", subject } : { kind: "timeout", subject, untilMs };
  return acted(act.kind, subject, event, facts);
}

function unban(state: RoomState, by: Viewer, subject: string): Decision | Refusal {
  const set = [...state.sanctions].filter(([, value]) => value.subject === subject);
  const rank = rankOf(by.roles);
  if (set.some(([, value]) => !mayLift(rank, value.rank ?? rank))) return no("forbidden");
  const facts = set.map(([key]): Fact => ({ of: "sanction", key, value: null }));
  return facts.length === 0 ? no("not-found") : acted("unban", subject, { kind: "unban", subject }, facts);
}

function appoint(state: RoomState, subject: string, role: "moderator" | null): Decision | Refusal {
  if (role !== null && state.moderators.size >= ROOM_LIMITS.moderators) return no("full");
  return acted("role", `${subject}: ${role ?? "none"}`, { kind: "role", subject, role }, [
    { of: "role", key: subject, value: role },
  ]);
}

function settle(state: RoomState, kind: "approve" | "deny", id: string): Decision | Refusal {
  const held = state.held.get(id);
  if (held === undefined) return no("not-found");
  const { by, clientId, digest, text, replyTo, programmeMs, device, address } = held;
  const event: Happening = { kind: "chat", by, text, ...(replyTo === undefined ? {} : { replyTo }) };
  return {
    ...acted(kind, id, kind === "approve" ? event : null, [{ of: "held", key: id, value: null }]),
    credit: {
      by: { subject: by.subject, roles: by.roles, device, address },
      id: clientId,
      ...(digest === undefined ? {} : { digest }),
      programmeMs,
    },
    notes: [{ kind: "settled", id }],
  };
}

function listed(state: RoomState, what: Listed["what"], around: Surroundings): Listed {
  const { listed: most } = ROOM_LIMITS;
  switch (what) {
    case "held":
      return { what, held: [...state.held.values()].slice(0, most) };
    case "bans":
      return { what, bans: [...state.sanctions].slice(-most).map(([key, value]) => ({ key, ...value })) };
    case "audit":
      return { what, audit: around.audit().slice(0, most) };
    case "words":
      return { what, words: state.words };
    case "moderators":
      return { what, moderators: [...state.moderators] };
    case "automod":
      return { what, automod: state.automod };
  }
}

function acted(
  act: NonNullable<Decision["audit"]>["act"],
  about: string,
  event: Happening | null,
  facts: readonly Fact[],
): Decision {
  return { ok: true, ...(event === null ? {} : { event }), facts, audit: { act, about }, notes: [] };
}

function no(error: ErrorCode): Refusal {
  return { ok: false, error };
}
