/**
 * A Low-Latency HLS viewer for k6: multivariant playlist, init section, blocking reloads, delta updates, parts, switches by
 * rendition report, and a buffer that stalls as a player's would. `SCENARIO` says when viewers come and what they do.
 */
import { sha256 } from "k6/crypto";
import http, { type Response } from "k6/http";
import { Counter, Trend } from "k6/metrics";
import { PlayBuffer } from "./buffer.ts";
import { type MediaPlaylist, parseMedia, parseMultivariant } from "./playlist.ts";

declare const __ENV: Record<string, string>;
declare const __VU: number;

const edges: string[] = JSON.parse(__ENV["EDGES"] ?? "[]");
const stream = __ENV["STREAM"] ?? "";
const scenario = __ENV["SCENARIO"] ?? "steady";
const viewers = Number(__ENV["VIEWERS"]);
const seconds = Number(__ENV["SECONDS"]);
/** Bytes of a part of each track, as published; absent for a broadcast that isn't ours. */
const partBytes: Record<string, number> = JSON.parse(__ENV["PART_BYTES"] ?? "{}");
/** One part in so many is read whole and its hash compared; of all others the length. */
const HASH_EVERY = 16;
/** A segment's request after a seek may find the segment gone from the window. */
const SEEKS = 5;

const answers = new Counter("answers");
const errors = new Counter("errors");
const serverErrors = new Counter("server_errors");
const refused = new Counter("joins_refused");
const stalls = new Counter("stalls");
const wrong = new Counter("wrong_bytes");
const outOfOrder = new Counter("out_of_order");
const partsGot = new Counter("parts");
const switches = new Counter("switches");
const partMs = new Trend("part_ms", true);
const playlistMs = new Trend("playlist_ms", true);
const joinMs = new Trend("join_ms", true);
const longestStall = new Trend("longest_stall_s");
const spreadAt = new Trend("answered_at_ms");

export const options = {
  scenarios: {
    viewers: { executor: "per-vu-iterations", vus: viewers, iterations: 1, maxDuration: `${seconds + 60}s` },
  },
  thresholds: {
    errors: ["count==0"],
    server_errors: ["count==0"],
    wrong_bytes: ["count==0"],
    out_of_order: ["count==0"],
    stalls: [__ENV["ALLOW_STALLS"] === "yes" ? "count>=0" : "count==0"],
  },
  discardResponseBodies: false,
  noConnectionReuse: false,
  summaryTrendStats: ["min", "med", "p(90)", "p(95)", "p(99)", "max", "avg"],
};

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(1, ms)));
const began = Date.now();

/** Milliseconds after the start when this viewer comes. */
function joinsAfterMs(): number {
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

async function get(url: string, kind: string, body: "text" | "none" = "text"): Promise<Response> {
  const response = await http.asyncRequest("GET", url, null, {
    responseType: body,
    timeout: "20s",
    tags: { name: kind },
  });
  answers.add(1, { kind });
  if (response.status >= 500 && kind !== "multivariant") serverErrors.add(1, { kind });
  return response;
}

/** One viewer's loop over one rendition. */
class Rendition {
  uri: string;
  readonly #base: string;
  readonly #buffer: PlayBuffer | null;
  readonly #others: readonly string[];
  #last = { msn: -1, part: -1 };

  constructor(base: string, uri: string, buffer: PlayBuffer | null, others: readonly string[]) {
    this.#base = base;
    this.uri = uri;
    this.#buffer = buffer;
    this.#others = others;
  }

  async follow(untilMs: number): Promise<void> {
    let playlist = await this.#load("");
    if (playlist === null) return;
    await this.#init();
    this.#buffer?.startAt(2 * playlist.partTargetS);
    let behindS = 0;
    let first = playlist.parts.length;
    while (first > 0 && behindS < playlist.holdBackS) {
      first -= 1;
      behindS += playlist.parts[first]?.durationS ?? 0;
    }
    const start = playlist.parts[first];
    if (start !== undefined) this.#last = { msn: start.msn, part: start.part - 1 };
    let round = 0;
    while (Date.now() < untilMs && !playlist.ended) {
      for (const part of playlist.parts) {
        if (part.msn < this.#last.msn || (part.msn === this.#last.msn && part.part <= this.#last.part)) continue;
        await this.#part(part.msn, part.part, part.durationS);
      }
      round += 1;
      if (this.#others.length > 1 && round % 20 === 0) this.#switch(playlist);
      const { msn, part }: { msn: number; part: number } = playlist.next;
      const skip = playlist.canSkip && round % 2 === 0 ? "&_HLS_skip=YES" : "";
      const next: MediaPlaylist | null = await this.#load(`?_HLS_msn=${msn}&_HLS_part=${part}${skip}`);
      if (next === null) {
        await wait(200 + 300 * Math.random());
        const again = await this.#load("");
        if (again === null) return;
        playlist = again;
      } else playlist = next;
    }
  }

  async seek(playlistText: string): Promise<void> {
    const { segments } = parseMedia(playlistText);
    const old = segments[Math.floor(Math.random() * Math.max(1, segments.length - 6))];
    if (old === undefined) return;
    const response = await get(`${this.#base}${this.uri.replace("media.m3u8", `${old.msn}.m4s`)}`, "segment", "none");
    partMs.add(response.timings.duration, { kind: "segment" });
    if (response.status !== 200) errors.add(1, { kind: "segment" });
  }

  async #load(query: string): Promise<MediaPlaylist | null> {
    const response = await get(`${this.#base}${this.uri}${query}`, query === "" ? "playlist" : "blocking");
    playlistMs.add(response.timings.duration, { kind: query === "" ? "playlist" : "blocking" });
    if (response.status !== 200) {
      errors.add(1, { kind: "playlist" });
      return null;
    }
    return parseMedia(String(response.body));
  }

  async #init(): Promise<void> {
    const response = await get(`${this.#base}${this.uri.replace("media.m3u8", "init-1.mp4")}`, "init", "none");
    if (response.status !== 200) errors.add(1, { kind: "init" });
  }

  /** To another rendition: its report says where it stands; the parts that follow are asked for there. */
  #switch(playlist: MediaPlaylist): void {
    const report = playlist.reports.find(({ uri }) =>
      this.#others.some((other) => uri.endsWith(other.slice(other.indexOf("/")))),
    );
    const other = this.#others.find((uri) => uri !== this.uri);
    if (report === undefined || other === undefined) return;
    if (report.msn < playlist.next.msn - 1) outOfOrder.add(1);
    this.uri = other;
    switches.add(1);
  }

  async #part(msn: number, part: number, durationS: number): Promise<void> {
    const follows = msn === this.#last.msn ? part === this.#last.part + 1 : part === 0;
    if (!follows) outOfOrder.add(1);
    this.#last = { msn, part };
    const whole = Math.random() * HASH_EVERY < 1;
    const track = this.uri.split("/").at(-2) ?? "";
    const url = `${this.#base}${this.uri.replace("media.m3u8", `${msn}.${part}.m4s`)}`;
    const response = await get(url, "part", whole ? "text" : "none");
    partMs.add(response.timings.duration, { kind: "part" });
    if (response.status !== 200) {
      errors.add(1, { kind: "part" });
      return;
    }
    partsGot.add(1);
    const expected = partBytes[track];
    if (expected !== undefined) {
      if (Number(response.headers["Content-Length"]) !== expected) wrong.add(1);
      if (whole && !isWhole(String(response.body), `${track} ${msn}.${part}`)) wrong.add(1);
    }
    this.#buffer?.add(durationS, Date.now());
  }
}

/** Whether a part is the one named, and its hash is that of its bytes. */
function isWhole(body: string, name: string): boolean {
  const [, track, position, hash] = /^corral (\S+) (\S+) ([0-9a-f]{64}) *\n/.exec(body) ?? [];
  return `${track} ${position}` === name && sha256(body.slice(128), "hex") === hash;
}

async function multivariant(base: string, untilMs: number): Promise<string | null> {
  for (;;) {
    const response = await get(`${base}multivariant.m3u8`, "multivariant");
    if (response.status === 200) return String(response.body);
    const retryS = Number(response.headers["Retry-After"] ?? "0");
    if (response.status === 503 && retryS > 0) refused.add(1);
    else if (response.status !== 404) errors.add(1, { kind: "multivariant" });
    // Viewers may come before the broadcast.
    const pauseMs = retryS > 0 ? retryS * 1_000 : 200 + 300 * Math.random();
    if (Date.now() + pauseMs > untilMs) return null;
    await wait(pauseMs);
  }
}

async function view(untilMs: number): Promise<void> {
  const base = `${edges[(__VU - 1) % edges.length]}/live/${stream}/`;
  const cameMs = Date.now();
  const text = await multivariant(base, untilMs);
  if (text === null) return;
  const { variants, audio } = parseMultivariant(text);
  const uris = variants.map(({ uri }) => uri);
  const main = uris[__VU % Math.max(1, uris.length)];
  if (main === undefined) return;
  const buffer = new PlayBuffer(1);
  joinMs.add(Date.now() - cameMs);
  const video = new Rendition(base, main, buffer, uris);
  const loops = [video.follow(untilMs), ...audio.map((uri) => new Rendition(base, uri, null, []).follow(untilMs))];
  if (scenario === "dvr-seek") loops.push(seeks(base, video, untilMs));
  await Promise.all(loops);
  stalls.add(buffer.stalls);
  if (buffer.stalls > 0) longestStall.add(buffer.longestStallS);
}

async function seeks(base: string, video: Rendition, untilMs: number): Promise<void> {
  for (let seek = 0; seek < SEEKS && Date.now() < untilMs; seek += 1) {
    await wait(((untilMs - Date.now()) / SEEKS) * Math.random());
    const response = await get(`${base}${video.uri}`, "playlist");
    if (response.status === 200) await video.seek(String(response.body));
  }
}

/** All wait for the same part that is not there yet, again and again; when each is answered is noted. */
async function herd(untilMs: number): Promise<void> {
  const base = `${edges[(__VU - 1) % edges.length]}/live/${stream}/`;
  const text = await multivariant(base, untilMs);
  const uri = text === null ? undefined : parseMultivariant(text).variants[0]?.uri;
  if (uri === undefined) return;
  while (Date.now() < untilMs) {
    const now = await get(`${base}${uri}`, "playlist");
    if (now.status !== 200) {
      errors.add(1, { kind: "playlist" });
      return;
    }
    const { next, parts } = parseMedia(String(now.body));
    const perSegment = Math.max(1, ...parts.map(({ part }) => part + 1));
    // Two parts ahead, so that everybody is parked by then.
    const index = next.msn * perSegment + next.part + 1;
    const query = `?_HLS_msn=${Math.floor(index / perSegment)}&_HLS_part=${index % perSegment}`;
    const parked = await get(`${base}${uri}${query}`, "blocking");
    if (parked.status !== 200) errors.add(1, { kind: "playlist" });
    spreadAt.add(Date.now() - began, { part: String(index) });
  }
}

export default async function viewer(): Promise<void> {
  await wait(joinsAfterMs());
  const untilMs = began + seconds * 1_000;
  if (scenario === "herd-at-part") return herd(untilMs);
  if (scenario !== "churn") return view(untilMs);
  while (Date.now() < untilMs) await view(Math.min(untilMs, Date.now() + 5_000 + 10_000 * Math.random()));
}

export function handleSummary(data: unknown): Record<string, string> {
  return { [__ENV["OUT"] ?? "summary.json"]: JSON.stringify(data) };
}
