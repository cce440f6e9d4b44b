/**
 * A publisher of synthetic media in real time, so that two cores serve the load and not an encoder. Each part's first line
 * names it and the SHA-256 of the rest: a receiver detects wrong bytes and wrong parts.
 */
import { createHash } from "node:crypto";
import { Agent, request } from "undici";
import type { BroadcastConfig, PartMeta, Track } from "../core/broadcast/broadcast-log.ts";
import { PART_HEADER, PUBLISHER_HEADER } from "../core/ingest/publish-api.ts";
import type { BroadcastId, TrackName } from "../core/kit/ids.ts";
import { testInit } from "../core/media/cmaf/fixtures.ts";
import { writeFragment } from "../core/media/cmaf/fragment.ts";

const TIMESCALE = 90_000;
/** A frame of 30 a second. */
const FRAME_TICKS = 3_000;

/** The published media. */
export interface MediaShape {
  readonly partMs: number;
  readonly partsPerSegment: number;
  /** Track names and bytes of one part of each; `audio` is an audio track, all others are video. */
  readonly tracks: Readonly<Record<string, number>>;
  /** Parts are fragments with the line and the text as samples of 33 ms, of which flow can be made; else only that. */
  readonly isFmp4?: boolean;
}

/** 0.333 s parts of 2.5 Mb/s video and 128 kb/s audio. */
const SEPARATE_TRACKS: MediaShape = {
  partMs: 1000 / 3,
  partsPerSegment: 6,
  tracks: { "720p": 104_000, audio: 5_400 },
};

/** A broadcast of a given shape. */
export class SyntheticPublisher {
  readonly stream: string;
  readonly config: BroadcastConfig;
  readonly #shape: MediaShape;
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #agent: Agent = new Agent({ connections: 4 });
  readonly #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();
  /** The last accepted part, by track. */
  readonly #lastPartIndex = new Map<string, number>();
  /** Number of repeated PUTs. */
  retries = 0;

  private constructor(url: string, stream: string, key: string, shape: MediaShape) {
    this.stream = stream;
    this.#shape = shape;
    this.#url = url;
    this.#headers = { authorization: `Bearer ${key}`, [PUBLISHER_HEADER]: `load-${process.pid}-${stream}` };
    this.config = {
      broadcast: `load${Date.now().toString(36)}` as BroadcastId,
      startedAtMs: Date.now(),
      targetDurationS: Math.max(1, Math.ceil((shape.partMs * shape.partsPerSegment) / 1000)),
      windowS: 60,
      tracks: Object.keys(shape.tracks).map((name) => describeTrack(name, shape)),
    };
  }

  /** Opens a broadcast and publishes until `stop`. Throws refusals of the edge. */
  static async start(
    url: string,
    stream: string,
    adminToken: string,
    shape: MediaShape = SEPARATE_TRACKS,
  ): Promise<SyntheticPublisher> {
    const keys = await fetch(`${url}/api/streams/${stream}/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}` },
    });
    const { key } = (await keys.json()) as { key: string };
    const publisher = new SyntheticPublisher(url, stream, key, shape);
    await publisher.#put(publisher.config.broadcast, JSON.stringify(publisher.config));
    for (const { name, kind } of publisher.config.tracks) {
      const init = shape.isFmp4 ? Buffer.from(testInit(kind, TIMESCALE)) : Buffer.alloc(700);
      await publisher.#put(`${publisher.config.broadcast}/${name}/init-1.mp4`, init);
    }
    publisher.#done = publisher.#publishInRealTime();
    return publisher;
  }

  /** Ends the broadcast. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await this.#put(`${this.config.broadcast}/end`, "");
    await this.#agent.close();
  }

  async #publishInRealTime(): Promise<void> {
    const began = performance.now();
    for (let index = 0; !this.#stop.signal.aborted; index += 1) {
      const due = began + (index + 1) * this.#shape.partMs - performance.now();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due)));
      await Promise.all(this.config.tracks.map((track) => this.#publishPart(track, index)));
    }
  }

  async #publishPart({ name, kind }: Track, index: number): Promise<void> {
    const { partMs, partsPerSegment } = this.#shape;
    const part = index % partsPerSegment;
    const meta: PartMeta = {
      msn: Math.floor(index / partsPerSegment),
      part,
      durationTicks: partTicks(this.#shape),
      independent: kind === "audio" || part === 0,
      gap: false,
      ...(part === 0
        ? {
            start: {
              programTimeMs: Math.round(this.config.startedAtMs + index * partMs),
              initVersion: 1,
              discontinuity: false,
            },
          }
        : {}),
      ...(part === partsPerSegment - 1 ? { close: {} } : {}),
    };
    const path = `${this.config.broadcast}/${name}/${meta.msn}.${part}.m4s`;
    const bytes = this.#shape.isFmp4 ? fragmentAt(name, index, this.#shape) : partAt(name, index, this.#shape);
    await this.#put(path, bytes, { [PART_HEADER]: JSON.stringify(meta) });
    this.#lastPartIndex.set(name, Math.max(index, this.#lastPartIndex.get(name) ?? -1));
  }

  /** Retries until accepted: an object that restarts answers 503 briefly, and has lost what was not stored. */
  async #put(path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await request(`${this.#url}/ingest/${this.stream}/${path}`, {
          method: "PUT",
          body,
          headers: { ...this.#headers, ...headers },
          dispatcher: this.#agent,
        });
        const text = await answer.body.text();
        if (answer.statusCode === 200) return;
        if (answer.statusCode === 409) {
          await this.#resend(JSON.parse(text) as OutOfOrderAnswer);
          continue;
        }
        if (answer.statusCode !== 503)
          throw new PublishRefusedError(`publishing ${path}: ${answer.statusCode} ${text}`);
      } catch (error) {
        if (error instanceof PublishRefusedError || attempt > 100) throw error;
      }
      this.retries += 1;
      await new Promise((resolve) => setTimeout(resolve, 100 + 100 * Math.random()));
    }
  }

  /** The object has lost parts: all from its position on are sent again; each can be regenerated. */
  async #resend({ tracks }: OutOfOrderAnswer): Promise<void> {
    for (const [name, { next }] of Object.entries(tracks ?? {})) {
      const track = this.config.tracks.find((candidate) => candidate.name === name);
      const from = next.msn * this.#shape.partsPerSegment + next.part;
      const upTo = this.#lastPartIndex.get(name) ?? -1;
      if (track === undefined) continue;
      for (let index = from; index <= upTo; index += 1) await this.#publishPart(track, index);
    }
  }
}

/** The response to a part that is out of order. */
interface OutOfOrderAnswer {
  readonly tracks?: Readonly<Record<string, { readonly next: { readonly msn: number; readonly part: number } }>>;
}

/** The edge refused permanently. */
class PublishRefusedError extends Error {
  override readonly name = "PublishError";
}

/** A part's text: a line with its name and the hash of the rest, then text that differs between parts. */
function partBytes(track: string, msn: number, part: number, length: number): Buffer {
  const rest = Buffer.alloc(Math.max(0, length - 128), `${track} ${msn}.${part} `);
  const hash = createHash("sha256").update(rest).digest("hex");
  return Buffer.concat([Buffer.from(`corral ${track} ${msn}.${part} ${hash}`.padEnd(127).concat("\n")), rest]);
}

const partTicks = ({ partMs }: MediaShape): number => Math.round((partMs / 1000) * TIMESCALE);

/** Part number `index` of a track as text. */
export const partAt = (track: string, index: number, { partsPerSegment, tracks }: MediaShape): Buffer =>
  partBytes(track, Math.floor(index / partsPerSegment), index % partsPerSegment, tracks[track] ?? 1_000);

/** Part number `index` of a track as a fragment whose samples are its text; all of a segment depend on its first. */
export function fragmentAt(track: string, index: number, shape: MediaShape): Buffer {
  const text = partAt(track, index, shape);
  const count = Math.max(1, Math.round(partTicks(shape) / FRAME_TICKS));
  const length = Math.ceil(text.length / count);
  const samples = Array.from({ length: count }, (_, sample) => ({
    durationTicks: partTicks(shape) / count,
    ctsOffset: 0,
    sync: index % shape.partsPerSegment === 0 && sample === 0,
    data: text.subarray(sample * length, (sample + 1) * length),
  }));
  const { bytes } = writeFragment(index + 1, [{ trackId: 1, decodeTicks: index * partTicks(shape), samples }]);
  return Buffer.from(bytes);
}

function describeTrack(name: string, { partMs, tracks }: MediaShape): Track {
  const bandwidth = Math.round(((tracks[name] ?? 0) * 8_000) / partMs);
  const common = {
    name: name as TrackName,
    timescale: TIMESCALE,
    partTargetMs: Math.ceil(partMs * 100 + 1) / 100,
    bandwidth: Math.round(bandwidth * 1.1),
    averageBandwidth: bandwidth,
  };
  return name === "audio"
    ? { ...common, kind: "audio", codecs: "mp4a.40.2", channels: 2, sampleRate: 48_000 }
    : { ...common, kind: "video", codecs: "avc1.64001f", width: 1280, height: 720, frameRate: 30 };
}
