/**
 * What holds in a room: modes, pin, words, moderators, sanctions, messages held for review. It is the fold of facts, each
 * the newest value under its key, so that what is stored, what shards are told and what is in memory are the same.
 */

import { type AccessPolicy, PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import type { Role } from "../access/roles.ts";
import { encodeCompositeKey } from "../kit/composite-key.ts";
import { DEFAULT_AUTOMOD_LEVELS } from "../moderation/categories.ts";
import { type ChatModes, isStaff, OPEN_CHAT_MODES, type Participant } from "./events.ts";
import { higherRank, maySanction, rankOfRoles } from "./permissions.ts";
import type { AutoModConfig, HeldMessage, PinnedMessage, Rank, Sanction } from "./room-model.ts";

/** What holds until somebody changes it. */
const DEFAULT_AUTOMOD_CONFIG: AutoModConfig = { levels: DEFAULT_AUTOMOD_LEVELS, allowed: [] };

/** A place among the staff that a token gives, as its bearer showed it. */
export interface StaffGrant {
  readonly rank: "moderator" | "host";
  /** Until then it counts, ms since the epoch. */
  readonly untilMs: number;
  /** Of the token, for its revocation. */
  readonly version: number;
}

/** One thing that holds; a null value: no longer. */
export type StateEntry =
  | { readonly of: "modes"; readonly key: ""; readonly value: ChatModes }
  | { readonly of: "pin"; readonly key: ""; readonly value: PinnedMessage | null }
  | { readonly of: "words"; readonly key: ""; readonly value: readonly string[] }
  | { readonly of: "automod"; readonly key: ""; readonly value: AutoModConfig }
  | { readonly of: "role"; readonly key: string; readonly value: "moderator" | null }
  | { readonly of: "staff"; readonly key: string; readonly value: StaffGrant | null }
  | { readonly of: "sanction"; readonly key: string; readonly value: Sanction | null }
  | { readonly of: "held"; readonly key: string; readonly value: HeldMessage | null }
  | { readonly of: "access"; readonly key: ""; readonly value: AccessPolicy };

/** The keys under which a viewer may be sanctioned. */
export function sanctionKeys(who: Pick<Participant, "subject" | "device" | "address" | "addressesNear">): string[] {
  const keys = [];
  if (who.subject !== null) keys.push(`account:${who.subject}`);
  if (who.device !== "") keys.push(`device:${who.device}`);
  if (who.address !== "") keys.push(networkSanctionKey(who.address));
  for (const near of who.addressesNear ?? []) keys.push(networkSanctionKey(near));
  return keys;
}

/** The key under which a network is sanctioned. */
export function networkSanctionKey(address: string): string {
  return `address:${address}`;
}

/** The key of a message that is held: of the person and the client's id. */
export function heldMessageKey(subject: string, id: string): string {
  return encodeCompositeKey(subject, id);
}

/** The name of a fact among all that hold. */
export function stateEntryKey({ of, key }: Pick<StateEntry, "of" | "key">): string {
  return encodeCompositeKey(of, key);
}

/** The state of a room. */
export class RoomState {
  modes: ChatModes = OPEN_CHAT_MODES;
  pinned: PinnedMessage | null = null;
  words: readonly string[] = [];
  automod: AutoModConfig = DEFAULT_AUTOMOD_CONFIG;
  /** Who may read, as the stream's Live object told. */
  access: AccessPolicy = PUBLIC_ACCESS_POLICY;
  readonly moderators: Set<string> = new Set();
  /** Whose tokens make them staff, as far as they were here. */
  readonly staffGrants: Map<string, StaffGrant> = new Map();
  readonly sanctions: Map<string, Sanction> = new Map();
  readonly heldMessages: Map<string, HeldMessage> = new Map();

  /** The state that these facts make, in order. */
  static fromEntries(facts: Iterable<StateEntry>): RoomState {
    const state = new RoomState();
    for (const fact of facts) state.apply(fact);
    return state;
  }

  /** Takes in a fact. */
  apply(fact: StateEntry): void {
    switch (fact.of) {
      case "modes":
        this.modes = fact.value;
        break;
      case "pin":
        this.pinned = fact.value;
        break;
      case "words":
        this.words = fact.value;
        break;
      case "automod":
        this.automod = fact.value;
        break;
      case "role":
        if (fact.value === null) this.moderators.delete(fact.key);
        else this.moderators.add(fact.key);
        break;
      case "staff":
        if (fact.value === null) this.staffGrants.delete(fact.key);
        else this.staffGrants.set(fact.key, fact.value);
        break;
      case "sanction":
        if (fact.value === null) this.sanctions.delete(fact.key);
        else this.sanctions.set(fact.key, fact.value);
        break;
      case "access":
        this.access = fact.value;
        break;
      case "held":
        if (fact.value === null) this.heldMessages.delete(fact.key);
        else this.heldMessages.set(fact.key, fact.value);
        break;
    }
  }

  /** The facts that a shard needs: who may come in, what newcomers are told, by what texts are reviewed. */
  sharedEntries(): StateEntry[] {
    return [
      { of: "modes", key: "", value: this.modes },
      { of: "pin", key: "", value: this.pinned },
      { of: "words", key: "", value: this.words },
      { of: "automod", key: "", value: this.automod },
      { of: "access", key: "", value: this.access },
      ...[...this.moderators].map((key): StateEntry => ({ of: "role", key, value: "moderator" })),
      ...[...this.sanctions].map(([key, value]): StateEntry => ({ of: "sanction", key, value })),
    ];
  }

  /** What to apply for sanctions and places among the staff that have come to their end. */
  expiryEntries(nowMs: number): StateEntry[] {
    const over = ({ untilMs }: { readonly untilMs: number | null }): boolean => untilMs !== null && untilMs <= nowMs;
    return [
      ...[...this.sanctions].flatMap(([key, value]): StateEntry[] =>
        over(value) ? [{ of: "sanction", key, value: null }] : [],
      ),
      ...[...this.staffGrants].flatMap(([key, value]): StateEntry[] =>
        over(value) ? [{ of: "staff", key, value: null }] : [],
      ),
    ];
  }

  /** A person's roles, with what the room itself gave. */
  effectiveRoles(who: Pick<Participant, "subject" | "roles">): readonly Role[] {
    const appointed = who.subject !== null && this.moderators.has(who.subject);
    return appointed && !isStaff(who.roles) ? [...who.roles, "moderator"] : who.roles;
  }

  /** The rank that a person holds now: appointed here, or by a token that was shown here, is not over and not revoked. */
  effectiveRank(subject: string, nowMs: number): Rank {
    const appointed = this.moderators.has(subject) ? "moderator" : "viewer";
    const shown = this.staffGrants.get(subject);
    if (shown === undefined || shown.untilMs <= nowMs) return appointed;
    const revoked = this.access.revocations.some(
      ({ subject: of, by, version }) => of === subject && by === "issuer" && shown.version < version,
    );
    return revoked ? appointed : higherRank(appointed, shown.rank);
  }

  /** The sanction that keeps a viewer from writing at `nowMs`, the harder first, or null. */
  activeSanction(who: Parameters<typeof sanctionKeys>[0] & Pick<Participant, "roles">, nowMs: number): Sanction | null {
    if (this.sanctions.size === 0) return null;
    let found: Sanction | null = null;
    for (const key of sanctionKeys(who)) {
      const sanction = this.sanctions.get(key);
      if (sanction === undefined || (sanction.untilMs !== null && sanction.untilMs <= nowMs)) continue;
      if (!maySanction(sanction.rank ?? "host", rankOfRoles(this.effectiveRoles(who)))) continue;
      if (sanction.ban) return sanction;
      found ??= sanction;
    }
    return found;
  }
}

/** Whether shards are told of a fact. */
export function isSharedWithShards({ of }: StateEntry): boolean {
  return of !== "held" && of !== "staff";
}
