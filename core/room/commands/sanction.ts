/** Shared by bans and timeouts. */
import type { Effect } from "../effects/index.ts";
import type { StateEntry } from "../entries/index.ts";
import type { Sanction } from "../entries/sanction.ts";
import { networkBanEndMs } from "../network-name-rotation.ts";
import type { Participant } from "../participants.ts";
import { mayLiftSanction, maySanction, rankOfRoles } from "../permissions.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { networkSanctionKey, type RoomState, sanctionKeys } from "../room-state.ts";
import type { CommandAcceptance, CommandRefusal, DecisionContext } from "../sequencer/decision.ts";
import { acceptAudited, refuseCommand } from "./decision.ts";

/** A sanction. `untilMs`: the end of a timeout, null for a ban; `networks`: whether a ban includes networks. */
interface SanctionRequest {
  readonly subject: string;
  readonly untilMs: number | null;
  readonly networks: boolean;
}

/** Sanctions an account; a ban also the devices that it wrote from, and their networks on request. */
export function decideSanction(
  state: RoomState,
  by: Participant & { readonly subject: string },
  { subject, untilMs, networks }: SanctionRequest,
  context: DecisionContext,
): CommandAcceptance | CommandRefusal {
  const rank = rankOfRoles(by.roles);
  if (subject === by.subject || !maySanction(rank, state.effectiveRank(subject, context.nowMs)))
    return refuseCommand("forbidden");
  const traces = context.senderTraces(subject);
  const knownNetworks = new Set(traces.map(({ address }) => networkSanctionKey(address)));
  const keys = new Set([`account:${subject}`]);
  if (untilMs === null) {
    for (const { device, address } of traces) {
      for (const key of sanctionKeys({ subject: null, device, address: networks ? address : "" })) keys.add(key);
    }
    // The moderator's own device and network are never sanctioned.
    for (const key of sanctionKeys(by)) keys.delete(key);
  }
  const capacity = ROOM_LIMITS.sanctions - (rank === "host" ? 0 : ROOM_LIMITS.sanctionsReservedForHosts);
  if (state.sanctions.size + keys.size > capacity) return refuseCommand("full");
  const value: Sanction = { subject, by: by.subject, rank, ban: untilMs === null, untilMs };
  const standingSanction = (key: string): Sanction | null => {
    const current = state.sanctions.get(key);
    return current !== undefined && (current.untilMs === null || current.untilMs > context.nowMs) ? current : null;
  };
  // A timeout does not replace a ban, and nobody replaces the sanction of a higher rank.
  const isKept = (current: Sanction): boolean =>
    (current.ban && !value.ban) || !mayLiftSanction(rank, current.rank ?? rank);
  const standing = standingSanction(`account:${subject}`);
  // Beyond the timeout of a higher rank a sanction would have no effect: it is not acknowledged as one.
  const endMs = (of: Sanction): number => of.untilMs ?? Number.POSITIVE_INFINITY;
  if (standing !== null && isKept(standing) && endMs(value) > endMs(standing)) return refuseCommand("forbidden");
  const entries = [...keys].flatMap((key): StateEntry[] => {
    const current = standingSanction(key);
    if (current !== null && isKept(current)) return [];
    // The name of a network lasts a day; the ban of a network ends when the name can no longer occur.
    const ofNetwork = untilMs === null && knownNetworks.has(key);
    return [{ of: "sanction", key, value: ofNetwork ? { ...value, untilMs: networkBanEndMs(context.nowMs) } : value }];
  });
  const effect: Effect = untilMs === null ? { kind: "ban", subject } : { kind: "timeout", subject, untilMs };
  return acceptAudited(effect.kind, subject, effect, entries);
}
