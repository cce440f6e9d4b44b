/**
 * A Low-Latency HLS viewer for k6: multivariant playlist, init section, blocking reloads, delta updates, parts, switches by
 * rendition report, and a buffer that stalls like a player's. `SCENARIO` selects arrivals and behaviour.
 */
import { sha256 } from "k6/crypto";
import http from "k6/http";
import { Counter, Trend } from "k6/metrics";
import { PlaybackBuffer } from "./playback-buffer.ts";
import { parseMediaPlaylist, parseMultivariantPlaylist } from "./playlist.ts";
import {
  fetchMultivariant,
  RenditionViewer,
  type RequestKind,
  type ViewerEventKind,
  type ViewerRuntime,
} from "./rendition-viewer.ts";

declare const __ENV: Record<string, string>;
declare const __VU: number;

const edges: string[] = JSON.parse(__ENV["EDGES"] ?? "[]");
const stream = __ENV["STREAM"] ?? "";
const scenario = __ENV["SCENARIO"] ?? "steady";
const viewers = Number(__ENV["VIEWERS"]);
const seconds = Number(__ENV["SECONDS"]);
/** Faults are injected meanwhile. */
const faulty = __ENV["FAULTS"] === "yes";
/** Bytes of a part of each track, as published; absent for a foreign broadcast. */
const partBytes: Record<string, number> = JSON.parse(__ENV["PART_BYTES"] ?? "{}");
/** A seek may find that the segment has left the window. */
const SEEKS = 5;

const answers = new Counter("answers");
const eventCounters: Record<ViewerEventKind, Counter> = {
  retry: new Counter("retries"),
  error: new Counter("errors"),
  wrong: new Counter("wrong_bytes"),
  "out-of-order": new Counter("out_of_order"),
  behind: new Counter("fell_behind"),
  part: new Counter("parts"),
  switch: new Counter("switches"),
};
const serverErrors = new Counter("server_errors");
const deferredJoins = new Counter("joins_refused");
const stalls = new Counter("stalls");
const partMs = new Trend("part_ms", true);
const playlistMs = new Trend("playlist_ms", true);
const joinMs = new Trend("join_ms", true);
const longestStall = new Trend("longest_stall_s");
const answeredAtMs = new Trend("answered_at_ms");

export const options = {
  scenarios: {
    viewers: { executor: "per-vu-iterations", vus: viewers, iterations: 1, maxDuration: `${seconds + 60}s` },
  },
  thresholds: {
    errors: ["count==0"],
    server_errors: [faulty ? "count>=0" : "count==0"],
    wrong_bytes: ["count==0"],
    out_of_order: ["count==0"],
    // With injected faults a viewer may have to retry.
    retries: [faulty ? "count>=0" : "count==0"],
    stalls: [__ENV["JUDGE_STALLS"] === "yes" ? "count==0" : "count>=0"],
  },
  discardResponseBodies: false,
  noConnectionReuse: false,
  summaryTrendStats: ["min", "med", "p(90)", "p(95)", "p(99)", "max", "avg"],
};

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(1, ms)));
const began = Date.now();

/** Milliseconds after the start when this viewer arrives. */
function joinDelayMs(): number {
  const share = Math.random();
  switch (scenario) {
    case "ramp":
      return share * seconds * 800;
    case "steady":
    case "soak":
    case "dvr-seek":
      return share * Math.min(10_000, seconds * 200);
    default:
      return share * 1_000;
  }
}

const times: Partial<Record<RequestKind, Trend>> = {
  playlist: playlistMs,
  blocking: playlistMs,
  part: partMs,
  segment: partMs,
};

const runtime: ViewerRuntime = {
  async get(url, kind, body) {
    const response = await http.asyncRequest("GET", url, null, {
      responseType: body,
      timeout: "20s",
      tags: { name: kind },
    });
    answers.add(1, { kind });
    times[kind]?.add(response.timings.duration, { kind });
    // A refused viewer gets Retry-After, which is a valid response.
    if (response.status >= 500 && kind !== "multivariant") serverErrors.add(1, { kind });
    return {
      status: response.status,
      body: response.body ?? "",
      bytes: Number(response.headers["Content-Length"] ?? Number.NaN),
      retryAfterS: Number(response.headers["Retry-After"] ?? "0"),
    };
  },
  wait,
  sha256: (text) => sha256(text, "hex"),
  record: (what, kind) => eventCounters[what].add(1, { kind }),
};

async function watchStream(untilMs: number): Promise<void> {
  const base = `${edges[(__VU - 1) % edges.length]}/live/${stream}/`;
  const cameMs = Date.now();
  const over = (): boolean => Date.now() >= untilMs;
  const text = await fetchMultivariant(runtime, base, over, () => deferredJoins.add(1));
  if (text === null) return;
  const { variants, audio } = parseMultivariantPlaylist(text);
  const uris = variants.map(({ uri }) => uri);
  const main = uris[__VU % Math.max(1, uris.length)];
  if (main === undefined) return;
  const buffer = new PlaybackBuffer(1);
  joinMs.add(Date.now() - cameMs);
  const video = new RenditionViewer(runtime, { base, uri: main, others: uris }, partBytes, buffer);
  const sound = audio.map((uri) => new RenditionViewer(runtime, { base, uri, others: [] }, partBytes, null));
  const loops = [video, ...sound].map((rendition) => rendition.follow(over));
  if (scenario === "dvr-seek") loops.push(seekRepeatedly(base, video, untilMs));
  await Promise.all(loops);
  stalls.add(buffer.stalls);
  if (buffer.stalls > 0) longestStall.add(buffer.longestStallS);
}

async function seekRepeatedly(base: string, video: RenditionViewer, untilMs: number): Promise<void> {
  for (let seek = 0; seek < SEEKS && Date.now() < untilMs; seek += 1) {
    await wait(((untilMs - Date.now()) / SEEKS) * Math.random());
    const { status, body } = await runtime.get(`${base}${video.uri}`, "playlist", "text");
    if (status === 200) await video.seek(body);
  }
}

/** All wait for the same future part, repeatedly; each response time is recorded. */
async function waitInHerd(untilMs: number): Promise<void> {
  const base = `${edges[(__VU - 1) % edges.length]}/live/${stream}/`;
  const text = await fetchMultivariant(
    runtime,
    base,
    () => Date.now() >= untilMs,
    () => deferredJoins.add(1),
  );
  const uri = text === null ? undefined : parseMultivariantPlaylist(text).variants[0]?.uri;
  if (uri === undefined) return;
  while (Date.now() < untilMs) {
    const now = await runtime.get(`${base}${uri}`, "playlist", "text");
    if (now.status !== 200) return eventCounters.error.add(1, { kind: "playlist" });
    const { nextPart, parts } = parseMediaPlaylist(now.body);
    const perSegment = Math.max(1, ...parts.map(({ part }) => part + 1));
    // Two parts ahead, so that everybody is parked by then.
    const index = nextPart.msn * perSegment + nextPart.part + 1;
    const query = `?_HLS_msn=${Math.floor(index / perSegment)}&_HLS_part=${index % perSegment}`;
    const parked = await runtime.get(`${base}${uri}${query}`, "blocking", "text");
    if (parked.status !== 200) eventCounters.error.add(1, { kind: "blocking" });
    answeredAtMs.add(Date.now() - began, { part: String(index) });
  }
}

export default async function runViewer(): Promise<void> {
  await wait(joinDelayMs());
  const untilMs = began + seconds * 1_000;
  if (scenario === "herd-at-part") return waitInHerd(untilMs);
  if (scenario !== "churn") return watchStream(untilMs);
  while (Date.now() < untilMs) await watchStream(Math.min(untilMs, Date.now() + 5_000 + 10_000 * Math.random()));
}

export function handleSummary(data: unknown): Record<string, string> {
  return { [__ENV["OUT"] ?? "summary.json"]: JSON.stringify(data) };
}
