/** A publisher for tests: it uses the publish API of the gateway, in workerd and from Node. */
import type { PlaybackPolicy } from "../../core/access/access-policy.ts";
import type { BroadcastConfig, PartMeta } from "../../core/broadcast/broadcast-log.ts";
import type { TrackChunk } from "../../core/broadcast/part-chunks.ts";
import { makeTestConfig } from "../../core/broadcast/testing.ts";
import { encodeChunkBundle } from "../../core/ingest/chunk-bundle.ts";
import { PART_HEADER, PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import type { BroadcastId, TrackName } from "../../core/kit/ids.ts";
import { writeFragment } from "../../core/media/cmaf/fragment.ts";

/** The edge of a test. */
export interface TestEdge {
  /** Sends a request to the edge; `path` begins with a slash. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  readonly adminToken: string;
}

let publisherCount = 0;

/** One publishing process on its own stream (or a given one). */
export class TestPublisher {
  readonly #edge: TestEdge;
  readonly stream: string;
  readonly config: BroadcastConfig;
  readonly id: string;
  key = "";
  readonly #playback: PlaybackPolicy | undefined;

  constructor(
    door: TestEdge,
    over: { stream?: string; key?: string; config?: Partial<BroadcastConfig>; playback?: PlaybackPolicy } = {},
  ) {
    this.#edge = door;
    publisherCount += 1;
    this.stream = over.stream ?? `stream${publisherCount}`;
    this.key = over.key ?? "";
    this.#playback = over.playback;
    this.id = `publisher-${publisherCount}`;
    this.config = makeTestConfig({ broadcast: `broadcast${publisherCount}` as BroadcastId, ...over.config });
  }

  /** Address of a file of this broadcast. */
  path(track: string, file: string): string {
    return `/live/${this.stream}/${this.config.broadcast}/${track}/${file}`;
  }

  put(rest: string, body: BodyInit | null = null, headers: Record<string, string> = {}): Promise<Response> {
    return this.#edge.ask(`/ingest/${this.stream}/${rest}`, {
      method: "PUT",
      body,
      headers: { authorization: `Bearer ${this.key}`, [PUBLISHER_HEADER]: this.id, ...headers },
    });
  }

  /** Gets a key of the stream, and publishes with it. */
  async issueKey(): Promise<void> {
    const admin = { authorization: `Bearer ${this.#edge.adminToken}` };
    const answer = await this.#edge.ask(`/api/streams/${this.stream}/keys`, { method: "POST", headers: admin });
    this.key = ((await answer.json()) as { key: string }).key;
  }

  /** Gets a key, if it has none, opens the broadcast and sends its init sections. */
  async openWithInits(): Promise<void> {
    if (this.key === "") await this.issueKey();
    await this.open();
    for (const { name } of this.config.tracks) await this.putInit(name);
  }

  open(): Promise<Response> {
    return this.put(this.config.broadcast, JSON.stringify({ ...this.config, playback: this.#playback }));
  }

  putInit(track: string, version = 1): Promise<Response> {
    return this.put(`${this.config.broadcast}/${track}/init-${version}.mp4`, new Uint8Array(8).fill(version));
  }

  /** Part number `index`, six per segment, with unique bytes. */
  putPart(track: string, index: number, over: Partial<PartMeta> = {}): Promise<Response> {
    const meta = testPartMeta(index, over);
    const file = `${this.config.broadcast}/${track}/${meta.msn}.${meta.part}.m4s`;
    return this.put(file, meta.gap ? null : testPartBytes(index), { [PART_HEADER]: JSON.stringify(meta) });
  }

  /** Sends parts `from` to `to` of every track, each expected to be accepted. */
  async putParts(from: number, to: number): Promise<void> {
    for (let index = from; index < to; index += 1) {
      for (const { name } of this.config.tracks) {
        const answer = await this.putPart(name, index);
        if (answer.status !== 200) throw new Error(`${name} ${index}: ${answer.status} ${await answer.text()}`);
        await answer.arrayBuffer();
      }
    }
  }

  /** Discards the memory of the stream's object, or of a shield like `weur.FRA.0`. */
  async restartNode(node = "live"): Promise<void> {
    const admin = { authorization: `Bearer ${this.#edge.adminToken}` };
    const answer = await this.#edge.ask(`/api/streams/${this.stream}/restart?node=${node}`, {
      method: "POST",
      headers: admin,
    });
    if (answer.status !== 204) throw new Error(`restart: ${answer.status}`);
  }

  end(): Promise<Response> {
    return this.put(`${this.config.broadcast}/end`);
  }

  /** Waits until the segments up to `msn` are stored in every track. */
  async waitUntilStored(msn: number): Promise<void> {
    for (;;) {
      const answer = (await (await this.open()).json()) as { tracks: Record<TrackName, { durableMsn: number }> };
      if (Object.values(answer.tracks).every(({ durableMsn }) => durableMsn >= msn)) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** A key as the control API answers with it. */
export interface IssuedTestKey {
  readonly key: string;
  readonly id: string;
  readonly label: string;
  readonly role: string;
  readonly expiresAt: string | null;
  readonly usesLeft: number | null;
}

/** Issues a key of a stream by the control API. */
export async function issueTestKey(edge: TestEdge, stream: string, body: object = {}): Promise<IssuedTestKey> {
  const headers = { authorization: `Bearer ${edge.adminToken}` };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await edge.ask(`/api/streams/${stream}/keys`, init);
  if (answer.status !== 201) throw new Error(`no key: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as IssuedTestKey;
}

/** The body of a request with a chunk of the video part number `index`: its first of 2 frames, which last as long as the part. */
export function testChunkBundle(index: number, frame = 0): Uint8Array<ArrayBuffer> {
  const [chunk] = testPartChunks(index).slice(frame);
  return new Uint8Array(encodeChunkBundle(chunk === undefined ? [] : [chunk]));
}

/** Part number `index` of the video in two chunks, a frame each. */
export function testPartChunks(index: number): TrackChunk[] {
  const { msn, part, start } = testPartMeta(index);
  return [0, 1].map((frame) => {
    const sample = { durationTicks: 15_000, ctsOffset: 0, sync: frame === 0, data: new Uint8Array(4).fill(index) };
    const run = { trackId: 1, decodeTicks: index * 30_000 + frame * 15_000, samples: [sample] };
    const meta = { msn, part, frame, frames: 1, key: frame === 0, durationTicks: 15_000 };
    return {
      track: "video" as TrackName,
      meta: { ...meta, ...(frame === 0 && start !== undefined ? { start } : {}) },
      bytes: writeFragment(index + 1, [run]).bytes,
    };
  });
}

/** Metadata of part number `index`. */
export function testPartMeta(index: number, over: Partial<PartMeta> = {}): PartMeta {
  const part = index % 6;
  return {
    msn: Math.floor(index / 6),
    part,
    durationTicks: 30_000,
    independent: part === 0,
    gap: false,
    ...(part === 0
      ? { start: { programTimeMs: 1_700_000_000_000 + index * 333, initVersion: 1, discontinuity: false } }
      : {}),
    ...(part === 5 ? { close: { iframeBytes: 4 } } : {}),
    ...over,
  };
}

/** Bytes of part number `index`. */
export function testPartBytes(index: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(20).fill(index & 0xff);
}

/** An answer's body as JSON. */
export async function readJson(answer: Response): Promise<Record<string, unknown>> {
  return (await answer.json()) as Record<string, unknown>;
}
