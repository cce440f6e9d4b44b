/** The state of a replica's broadcast, as its status describes it. */
import type { TrackState } from "../../core/broadcast/broadcast-log.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import type { NodeCounters } from "../../core/delivery/node-counters.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { ActiveBroadcast } from "./active-broadcast.ts";

/** Whether a broadcast is live. `isSilent`: its publisher has sent nothing for longer than segments last. */
export function broadcastState({ state }: Replica, isSilent: boolean): StreamStatus["state"] {
  if (state.ended) return "ended";
  const sendsGapsOnly = [...state.tracks.values()].every((track) => track.segments.at(-1)?.parts.at(-1)?.gap ?? false);
  return isSilent || sendsGapsOnly ? "reconnecting" : "live";
}

/** A stream's status, or null before its first broadcast. `countedFrom`: since when `counters` count. */
export function describeStatus(
  stream: StreamName,
  current: ActiveBroadcast | null,
  counters: NodeCounters,
  countedFrom: number,
  clock: Clock,
): StreamStatus | null {
  if (current === null) return null;
  const at = clock.nowMs();
  return {
    ...describeBroadcast(stream, current.replica, current.isSilent(at)),
    ...{ at, countedFrom },
    ...counters.summarize(clock.monotonicMs()),
    children: current.fanout.subscriberCount,
  };
}

/** The part of a stream's status that is the broadcast's own. */
function describeBroadcast(
  stream: StreamName,
  replica: Replica,
  isSilent: boolean,
): Pick<StreamStatus, "stream" | "state" | "broadcast" | "startedAt" | "tracks"> {
  const { config, state } = replica;
  return {
    stream,
    state: broadcastState(replica, isSilent),
    broadcast: config.broadcast,
    startedAt: config.startedAtMs,
    tracks: [...state.tracks.values()].map(describeTrack),
  };
}

/** The program time at the end of the newest part of all tracks, ms since the epoch; null before the first part. */
export function latestProgramTimeMs(replica: Replica | null): number | null {
  const times = [...(replica?.state.tracks.values() ?? [])].flatMap(
    (track) => describeTrack(track).programTimeMs ?? [],
  );
  return times.length === 0 ? null : Math.max(...times);
}

function describeTrack({ track, segments }: TrackState): StreamStatus["tracks"][number] {
  const { name, kind, codecs, bandwidth, partTargetMs, timescale } = track;
  const last = segments.at(-1);
  return {
    name,
    kind,
    codecs,
    bandwidth,
    partTargetMs,
    lastMsn: last?.msn ?? -1,
    lastPart: (last?.parts.length ?? 0) - 1,
    programTimeMs:
      last === undefined ? null : Math.round(last.start.programTimeMs + (1000 * last.durationTicks) / timescale),
  };
}
