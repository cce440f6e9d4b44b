/** Media: init sections, parts and segments, from the replica or pulled. */

import type { Replica } from "../../core/broadcast/replica.ts";
import type { SegmentState } from "../../core/broadcast/segment.ts";
import { findSegment } from "../../core/broadcast/segment-window.ts";
import type { PartPosition } from "../../core/broadcast/track-position.ts";
import { EDGE_STREAM_LIMITS } from "../../core/delivery/node-limits.ts";
import type { BroadcastId, TrackName } from "../../core/kit/ids.ts";
import { decidePartRequest, type PartRequestDecision } from "../../core/media/hls/directives.ts";
import { answerWhenDecided, type WaitDecision } from "./await-decision.ts";
import { addHeldTime } from "./cmsd.ts";
import { answerFromIsolate, notFoundAnswer, problemAnswer } from "./delivery-answers.ts";
import type { DeliveryAnswer, DeliveryContext } from "./delivery-context.ts";
import { computeMediaAgeS, describeInitSection, describeMedia, mediaResponse } from "./media-responses.ts";
import { Puller, type PullResult } from "./puller.ts";

/** A file of a track. */
export interface MediaRequest {
  /** The replica of the broadcast, or null if this isolate has none. */
  readonly replica: Replica | null;
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  /** `Cache-Control` of a 404. */
  readonly notFoundLifetime: string;
}

/** An init section. */
export function deliverInitSection(
  context: DeliveryContext,
  { replica, broadcast, track, notFoundLifetime }: MediaRequest,
  version: number,
): DeliveryAnswer | Promise<DeliveryAnswer> {
  const { edge, request } = context;
  const missing = `No init section ${version} of ${track}.`;
  const description = describeInitSection(replica, track);
  if (replica !== null) {
    const bytes = replica.initSection(track, version);
    if (bytes === null) return notFoundAnswer(missing, notFoundLifetime);
    const ageS = computeMediaAgeS({ replica, track, segment: null }, edge.platform.clock.nowMs());
    const answer = { description, bytes, ageS, cacheStatus: "corral-isolate; hit" };
    return answerFromIsolate(mediaResponse(request, answer));
  }
  return new Puller(context).pullInit(broadcast, track, version).then(({ value, tiers, outcome }) => {
    if (value === null) return { ...notFoundAnswer(missing, notFoundLifetime), outcome };
    const answer = { description, bytes: value, ageS: 0, cacheStatus: tiers.join(", ") };
    return { response: mediaResponse(request, answer), outcome };
  });
}

/** A part; an announced one is awaited. */
export function deliverPart(
  context: DeliveryContext,
  media: MediaRequest,
  position: PartPosition,
): DeliveryAnswer | Promise<DeliveryAnswer> {
  const { replica, track, notFoundLifetime } = media;
  if (replica === null)
    return notFoundAnswer("Parts are kept only while a broadcast is live; take the segment.", notFoundLifetime);
  context.edge.requestTrack(context.ctx, track);
  const { msn, part } = position;
  const decide = (candidate: Replica): Exclude<PartRequestDecision, { kind: "wait" }> | WaitDecision => {
    const decision = decidePartRequest(candidate.state, track, msn, part);
    return decision.kind === "wait" ? { kind: "wait", target: { kind: "settled", msn, part } } : decision;
  };
  return answerWhenDecided(context, {
    replica,
    track,
    decide,
    answer: (awaited) => {
      if (awaited.kind === "timeout")
        return problemAnswer(
          "timeout",
          "The part did not arrive in time. Reload the playlist and continue from there.",
        );
      if (awaited.kind === "replaced" || awaited.decision.kind === "not-found")
        return notFoundAnswer(`Part ${msn}.${part} of ${track} doesn't exist.`, notFoundLifetime);
      return deliverReadyPart(context, { ...media, ...position, replica: awaited.replica }, awaited.waitingSinceMs);
    },
  });
}

interface ReadyPart extends MediaRequest, PartPosition {
  readonly replica: Replica;
}

function deliverReadyPart(
  context: DeliveryContext,
  ready: ReadyPart,
  waitingSinceMs: number | null,
): DeliveryAnswer | Promise<DeliveryAnswer> {
  const { replica, track, msn, part } = ready;
  const segment = replica.track(track)?.segments.find((candidate) => candidate.msn === msn);
  if (segment === undefined || segment.parts[part]?.gap === true)
    return notFoundAnswer("This part was never published.", ready.notFoundLifetime);
  const bytes = replica.tail.partBytes(track, msn, part);
  if (bytes === null) return deliverLackingPart(context, ready, segment, waitingSinceMs);
  return answerHeldPart(context, ready, segment, { bytes, waitingSinceMs });
}

function answerHeldPart(
  { edge, request }: DeliveryContext,
  { replica, track, part }: ReadyPart,
  segment: SegmentState,
  { bytes, waitingSinceMs }: { readonly bytes: Uint8Array; readonly waitingSinceMs: number | null },
): DeliveryAnswer {
  const nowMs = edge.platform.clock.nowMs();
  const ageS = computeMediaAgeS({ replica, track, segment, part }, nowMs);
  const description = describeMedia(replica, track, segment.parts[part]?.durationTicks ?? 0);
  if (waitingSinceMs === null)
    return answerFromIsolate(mediaResponse(request, { description, bytes, ageS, cacheStatus: "corral-isolate; hit" }));
  const held = { ...description, cmsd: addHeldTime(description.cmsd, nowMs - waitingSinceMs) };
  const cacheStatus = "corral-isolate; hit; detail=blocked";
  return answerFromIsolate(mediaResponse(request, { description: held, bytes, ageS, cacheStatus }));
}

/** A part that the replica lists and the tail lacks: the feed delivers it, or it is pulled. */
async function deliverLackingPart(
  context: DeliveryContext,
  ready: ReadyPart,
  segment: SegmentState,
  waitingSinceMs: number | null,
): Promise<DeliveryAnswer> {
  const { ctx, edge, request } = context;
  const { replica, track, msn, part } = ready;
  const ageS = computeMediaAgeS({ replica, track, segment, part }, edge.platform.clock.nowMs());
  await edge.awaitTrackBytes(ctx, track, edge.platform.clock.monotonicMs() + EDGE_STREAM_LIMITS.feedWaitMs);
  const bytes = replica.tail.partBytes(track, msn, part);
  if (bytes !== null) return answerHeldPart(context, ready, segment, { bytes, waitingSinceMs });
  if (edge.isLostAbove(track, { msn, part })) return problemAnswer("not-available-yet");
  const pulled = await new Puller(context).pullPart(replica.config.broadcast, track, segment, part);
  const { value, tiers, outcome } = pulled;
  if (value === null) return { ...problemAnswer("not-available-yet"), outcome };
  const description = describeMedia(replica, track, segment.parts[part]?.durationTicks ?? 0);
  const answer = { description, bytes: value, ageS, cacheStatus: tiers.join(", ") };
  return { response: mediaResponse(request, answer), outcome };
}

/** A whole segment. */
export function deliverSegment(
  context: DeliveryContext,
  media: MediaRequest,
  msn: number,
): DeliveryAnswer | Promise<DeliveryAnswer> {
  const { replica, track, notFoundLifetime } = media;
  const state = replica?.track(track);
  if (replica === null || state === undefined) return deliverPulledSegment(context, media, msn, null);
  const segment = findSegment(state, msn) ?? null;
  if (segment === null && msn >= state.mediaSequence)
    return notFoundAnswer(`Segment ${msn} doesn't exist yet.`, notFoundLifetime);
  if (segment !== null && (segment.gap || !segment.closed))
    return notFoundAnswer(`Segment ${msn} is incomplete.`, notFoundLifetime);
  const bytes = segment === null ? null : replica.tail.segmentBytes(track, segment);
  if (segment === null || bytes === null) return deliverPulledSegment(context, media, msn, segment);
  const description = describeMedia(replica, track, segment.durationTicks);
  const ageS = computeMediaAgeS({ replica, track, segment }, context.edge.platform.clock.nowMs());
  const answer = { description, bytes, ageS, cacheStatus: "corral-isolate; hit" };
  return answerFromIsolate(mediaResponse(context.request, answer));
}

/** `segment`: from the replica, or null if it has left the window or its broadcast has ended. */
async function deliverPulledSegment(
  context: DeliveryContext,
  { replica, broadcast, track, notFoundLifetime }: MediaRequest,
  msn: number,
  segment: SegmentState | null,
): Promise<DeliveryAnswer> {
  const puller = new Puller(context);
  const { value, tiers, outcome }: PullResult<Uint8Array> =
    segment === null
      ? await puller.pullPastSegment(broadcast, track, msn)
      : await puller.pullClosedSegment(broadcast, track, segment);
  if (value === null) {
    const missing =
      segment === null
        ? notFoundAnswer(`No segment ${msn} of ${track}.`, notFoundLifetime)
        : problemAnswer("not-available-yet");
    return { ...missing, outcome };
  }
  const description = describeMedia(replica, track, segment?.durationTicks ?? null);
  const ageS = computeMediaAgeS({ replica, track, segment }, context.edge.platform.clock.nowMs());
  const answer = { description, bytes: value, ageS, cacheStatus: tiers.join(", ") };
  return { response: mediaResponse(context.request, answer), outcome };
}
