/** A publisher of made-up media in real time, so that the edge's figures need no encoder. */
import { Agent, request } from "undici";
import type { BroadcastConfig, PartMeta } from "../protocol/broadcast/log.ts";
import type { BroadcastId, TrackName } from "../protocol/ids.ts";
import { PART_HEADER, PUBLISHER_HEADER } from "../protocol/publish/api.ts";

const PART_MS = 1000 / 3;
const PARTS_PER_SEGMENT = 6;
const TIMESCALE = 90_000;
/** Bytes of a part at 2.5 Mb/s and at 128 kb/s. */
const PART_BYTES = { video: 104_000, audio: 5_400 } as const;

/** A broadcast of one video and one audio track with 0.333 s parts. */
export class SyntheticPublisher {
  readonly stream: string;
  readonly config: BroadcastConfig;
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #agent: Agent = new Agent({ connections: 4 });
  readonly #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  private constructor(url: string, stream: string, key: string) {
    this.stream = stream;
    this.#url = url;
    this.#headers = { authorization: `Bearer ${key}`, [PUBLISHER_HEADER]: `bench-${process.pid}-${stream}` };
    const track = { timescale: TIMESCALE, partTargetMs: 333.34, bandwidth: 3e6, averageBandwidth: 2.6e6 };
    this.config = {
      broadcast: `bench${Date.now().toString(36)}` as BroadcastId,
      startedAtMs: Date.now(),
      targetDurationS: 2,
      windowS: 60,
      tracks: [
        {
          ...track,
          name: "720p" as TrackName,
          kind: "video",
          codecs: "avc1.64001f",
          width: 1280,
          height: 720,
          frameRate: 30,
        },
        { ...track, name: "audio" as TrackName, kind: "audio", codecs: "mp4a.40.2", channels: 2, sampleRate: 48_000 },
      ],
    };
  }

  /** Opens a broadcast and publishes until `stop`. */
  static async start(url: string, stream: string, adminToken: string): Promise<SyntheticPublisher> {
    const keys = await fetch(`${url}/api/streams/${stream}/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}` },
    });
    const { key } = (await keys.json()) as { key: string };
    const publisher = new SyntheticPublisher(url, stream, key);
    await publisher.#put(publisher.config.broadcast, JSON.stringify(publisher.config));
    for (const { name } of publisher.config.tracks) {
      await publisher.#put(`${publisher.config.broadcast}/${name}/init-1.mp4`, Buffer.alloc(700));
    }
    publisher.#done = publisher.#run();
    return publisher;
  }

  /** Ends the broadcast. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await this.#put(`${this.config.broadcast}/end`, "");
    await this.#agent.close();
  }

  async #run(): Promise<void> {
    const began = performance.now();
    for (let index = 0; !this.#stop.signal.aborted; index += 1) {
      const due = began + (index + 1) * PART_MS - performance.now();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due)));
      await Promise.all(this.config.tracks.map(({ name, kind }) => this.#part(name, kind, index)));
    }
  }

  async #part(track: TrackName, kind: "video" | "audio", index: number): Promise<void> {
    const part = index % PARTS_PER_SEGMENT;
    const programTimeMs = this.config.startedAtMs + index * PART_MS;
    const meta: PartMeta = {
      msn: Math.floor(index / PARTS_PER_SEGMENT),
      part,
      durationTicks: TIMESCALE / 3,
      independent: kind === "audio" || part === 0,
      gap: false,
      ...(part === 0 ? { start: { programTimeMs, initVersion: 1, discontinuity: false } } : {}),
      ...(part === PARTS_PER_SEGMENT - 1 ? { close: {} } : {}),
    };
    const path = `${this.config.broadcast}/${track}/${meta.msn}.${part}.m4s`;
    await this.#put(path, Buffer.alloc(PART_BYTES[kind], index), { [PART_HEADER]: JSON.stringify(meta) });
  }

  async #put(path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<void> {
    const answer = await request(`${this.#url}/ingest/${this.stream}/${path}`, {
      method: "PUT",
      body,
      headers: { ...this.#headers, ...headers },
      dispatcher: this.#agent,
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`publishing ${path}: ${answer.statusCode} ${text}`);
  }
}
