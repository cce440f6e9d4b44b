/** What a viewer asks of flow: one response that carries a broadcast's media as it comes. */
import type { BroadcastConfig, Track } from "../../broadcast/broadcast-log.ts";
import type { TrackName } from "../../kit/ids.ts";

/** The tracks of a flow response, at least one, and where it begins. */
export interface FlowRequest {
  readonly video: TrackName | null;
  readonly audio: TrackName | null;
  /** `latest`: at the last keyframe; `next`: at the next segment. */
  readonly join: FlowJoin;
}

/** Where a flow response begins. */
export type FlowJoin = "latest" | "next";

/** Parameters of an address, by name: the first value of each. */
export interface FlowParameters {
  get(name: string): string | null;
}

/** A parsed request, or the sentence of a refusal and whether it names a track that does not exist. */
export type ParsedFlowRequest =
  | { readonly request: FlowRequest }
  | { readonly error: string; readonly isUnknownTrack: boolean };

/**
 * Reads `video`, `audio` (a track's name or `none`) and `join`. Without them: the broadcast's first track of each kind,
 * and `latest`.
 */
export function parseFlowRequest(parameters: FlowParameters, { tracks }: BroadcastConfig): ParsedFlowRequest {
  const join = parameters.get("join") ?? "latest";
  if (join !== "latest" && join !== "next") return refuse("Send join=latest or join=next.");
  const video = pickTrack(parameters.get("video"), "video", tracks);
  if (typeof video === "object" && video !== null) return video;
  const audio = pickTrack(parameters.get("audio"), "audio", tracks);
  if (typeof audio === "object" && audio !== null) return audio;
  if (video === null && audio === null) return refuse("Ask for a video track, an audio track, or both.");
  return { request: { video, audio, join } };
}

const refuse = (error: string, isUnknownTrack = false): ParsedFlowRequest & { readonly error: string } => ({
  error,
  isUnknownTrack,
});

function pickTrack(
  name: string | null,
  kind: Track["kind"],
  tracks: readonly Track[],
): TrackName | null | ReturnType<typeof refuse> {
  if (name === "none") return null;
  if (name === null) return tracks.find((track) => track.kind === kind)?.name ?? null;
  const found = tracks.find((track) => track.name === name && track.kind === kind);
  return found?.name ?? refuse(`This broadcast has no ${kind} track of this name.`, true);
}
