/** What a replica tells of its broadcast's state. */
import type { TrackState } from "../../core/broadcast/broadcast-log.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import { nextPartOf } from "../../core/broadcast/track-position.ts";
import type { PublishProgress } from "../../core/ingest/publish-api.ts";
import type { StreamName } from "../../core/kit/ids.ts";

/** The part of a stream's status that is the broadcast's own. `silent`: the publisher has not been heard of for a while. */
export function describeBroadcast(
  stream: StreamName,
  { config, state }: Replica,
  isSilent: boolean,
): Pick<StreamStatus, "stream" | "state" | "broadcast" | "startedAt" | "tracks"> {
  const tracks = [...state.tracks.values()];
  const away = tracks.every((track) => track.segments.at(-1)?.parts.at(-1)?.gap ?? false);
  return {
    stream,
    state: state.ended ? "ended" : isSilent || away ? "reconnecting" : "live",
    broadcast: config.broadcast,
    startedAt: config.startedAtMs,
    tracks: tracks.map(describeTrack),
  };
}

/** Where each track stands, as publishers are told. */
export function describePublishProgress(replica: Replica): PublishProgress {
  const tracks = [...replica.state.tracks].map(([name, state]) => {
    const open = state.segments.find((segment) => !segment.durable);
    const durableMsn = (open?.msn ?? nextPartOf(state).msn) - 1;
    return [name, { durableMsn, next: nextPartOf(state), inits: replica.initVersions(name) }];
  });
  return { epoch: replica.epoch, tracks: Object.fromEntries(tracks) as PublishProgress["tracks"] };
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
