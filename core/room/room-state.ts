/**
 * The state of a room: modes, pin, words, moderators, sanctions, held and refused messages. It is the fold of state entries, so storage,
 * batches to shards and memory have the same form.
 */
import { type AccessPolicy, PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import type { Role } from "../access/roles.ts";
import { encodeCompositeKey } from "../kit/composite-key.ts";
import { type ChatModes, OPEN_CHAT_MODES } from "./chat-modes.ts";
import { type AutoModConfig, DEFAULT_AUTOMOD_CONFIG } from "./entries/automod.ts";
import type { DeniedMessage } from "./entries/denied.ts";
import type { HeldMessage } from "./entries/held.ts";
import { ENTRY_DEFINITIONS, entryDefinition, type StateEntry, type StateFields } from "./entries/index.ts";
import type { ModeratorInvitation } from "./entries/invitation.ts";
import type { PinnedMessage } from "./entries/pin.ts";
import type { Sanction } from "./entries/sanction.ts";
import type { StaffGrant } from "./entries/staff.ts";
import { isStaff, type Participant } from "./participants.ts";
import { higherRank, maySanction, type Rank, rankOfRoles } from "./permissions.ts";

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

/** The key of a held or refused message: its sender and the client's id. */
export function heldMessageKey(subject: string, id: string): string {
  return encodeCompositeKey(subject, id);
}

/** The key of an entry among the entries of all kinds. */
export function stateEntryKey({ of, key }: Pick<StateEntry, "of" | "key">): string {
  return encodeCompositeKey(of, key);
}

/** The state of a room. */
export class RoomState implements StateFields {
  modes: ChatModes = OPEN_CHAT_MODES;
  pinned: PinnedMessage | null = null;
  words: readonly string[] = [];
  automod: AutoModConfig = DEFAULT_AUTOMOD_CONFIG;
  /** The access policy, as the stream's Live object sent it. */
  access: AccessPolicy = PUBLIC_ACCESS_POLICY;
  readonly moderators: Set<string> = new Set();
  /** Staff whose rank comes from a token presented in this room. */
  readonly staffGrants: Map<string, StaffGrant> = new Map();
  readonly sanctions: Map<string, Sanction> = new Map();
  readonly heldMessages: Map<string, HeldMessage> = new Map();
  /** Never one with the key of a held message or of a stored event. */
  readonly deniedMessages: Map<string, DeniedMessage> = new Map();
  readonly invitations: Map<string, ModeratorInvitation> = new Map();

  /** The state that results from these entries, in order. */
  static fromEntries(entries: Iterable<StateEntry>): RoomState {
    const state = new RoomState();
    for (const entry of entries) state.apply(entry);
    return state;
  }

  /** Applies an entry. */
  apply(entry: StateEntry): void {
    entryDefinition(entry).apply(this, entry);
  }

  /** The entries that a shard holds. */
  sharedEntries(): StateEntry[] {
    return ENTRY_DEFINITIONS.flatMap((definition) => (definition.shared ? definition.list(this) : []));
  }

  /** Entries that end expired sanctions, staff grants and invitations. */
  expiryEntries(nowMs: number): StateEntry[] {
    return ENTRY_DEFINITIONS.flatMap((definition) => {
      const { untilMs } = definition;
      if (untilMs === null) return [];
      const expired = definition.list(this).filter(({ value }) => {
        const endMs = value === null ? null : untilMs(value);
        return endMs !== null && endMs <= nowMs;
      });
      return expired.map(({ of, key }) => ({ of, key, value: null }) as StateEntry);
    });
  }

  /** Entries that end the refused messages from before `timeMs`. */
  deniedEntriesBefore(timeMs: number): StateEntry[] {
    const old = [...this.deniedMessages].filter(([, { atMs }]) => atMs < timeMs);
    return old.map(([key]) => ({ of: "denied", key, value: null }));
  }

  /** A person's roles, including those granted by the room. */
  effectiveRoles(who: Pick<Participant, "subject" | "roles">): readonly Role[] {
    const appointed = who.subject !== null && this.moderators.has(who.subject);
    return appointed && !isStaff(who.roles) ? [...who.roles, "moderator"] : who.roles;
  }

  /** A person's current rank: appointed here, or from a token that was presented here and is neither expired nor revoked. */
  effectiveRank(subject: string, nowMs: number): Rank {
    const appointed = this.moderators.has(subject) ? "moderator" : "viewer";
    const grant = this.staffGrants.get(subject);
    if (grant === undefined || grant.untilMs <= nowMs) return appointed;
    const revoked = this.access.revocations.some(
      ({ subject: of, by, version }) => of === subject && by === "issuer" && grant.version < version,
    );
    return revoked ? appointed : higherRank(appointed, grant.rank);
  }

  /** The sanction that applies to a viewer at `nowMs`, a ban before a timeout, or null. */
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
