/** Publishes media and messages, and checks that all of it was stored, with the origin's publisher and the room's client. */
import { createHash } from "node:crypto";
import type { BroadcastConfig } from "../../core/broadcast/broadcast-log.ts";
import { makeTestConfig } from "../../core/broadcast/testing.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { createNodeRoomClient } from "../../loadtest/room/node-room-client.ts";
import { BroadcastPublisher } from "../../origin/publisher/broadcast-publisher.ts";
import { testPartMeta } from "./publisher.ts";

const PARTS_PER_SEGMENT = 6;
/** Interval of parts. */
const PART_MS = 80;

/** Bytes unique to this part. */
function bytesOf(track: TrackName, index: number, length: number): Uint8Array {
  const seed = createHash("sha256").update(`${track} ${index}`).digest();
  return Buffer.concat(Array.from({ length: Math.ceil(length / seed.length) }, () => seed)).subarray(0, length);
}

/** A broadcast that continues whatever happens to its edge. */
export class DurabilityBroadcast {
  readonly config: BroadcastConfig;
  readonly #edge: string;
  readonly #stream: string;
  readonly #partBytes: number;
  readonly #publisher: BroadcastPublisher;
  readonly #timer: NodeJS.Timeout;
  #parts = 0;
  /** Why it could not continue. */
  fatal: Error | null = null;

  private constructor(edge: string, stream: string, key: string, partBytes: number) {
    const broadcast = `kept${Date.now().toString(36)}` as BroadcastId;
    this.config = makeTestConfig({ broadcast, startedAtMs: Date.now(), windowS: 60 });
    this.#edge = edge;
    this.#stream = stream;
    this.#partBytes = partBytes;
    this.#publisher = new BroadcastPublisher({
      edge,
      key,
      config: this.config,
      stream: stream as StreamName,
      publisher: "publisher-of-what-is-kept",
      platform: systemPlatform,
      log: { info: () => {}, warn: () => {}, error: () => {} },
      onFatal: (error) => {
        this.fatal = error;
      },
      limits: { retry: { firstMs: 20, maxMs: 500 }, takeoverMs: 60_000, unreachableMs: 60_000, endMs: 30_000 },
    });
    this.#timer = setInterval(() => this.#push(), PART_MS);
  }

  /** Starts publishing with a key issued by `adminToken`. */
  static async start(
    edge: string,
    stream: string,
    adminToken: string,
    partBytes = 2_000,
  ): Promise<DurabilityBroadcast> {
    const headers = { authorization: `Bearer ${adminToken}` };
    const answer = await fetch(`${edge}/api/streams/${stream}/keys`, { method: "POST", headers });
    const { key } = (await answer.json()) as { key: string };
    const kept = new DurabilityBroadcast(edge, stream, key, partBytes);
    await kept.#publisher.open();
    return kept;
  }

  /** Parts of each track so far. */
  get parts(): number {
    return this.#parts;
  }

  /** Parts that the edge has not accepted, or has lost. */
  get waiting(): number {
    return this.#publisher.counters().waiting;
  }

  #push(): void {
    const index = this.#parts++;
    for (const { name: track } of this.config.tracks) {
      const bytes = bytesOf(track, index, this.#partBytes);
      if (index === 0) this.#publisher.push({ kind: "init", track, version: 1, bytes });
      this.#publisher.push({ kind: "part", track, meta: testPartMeta(index), bytes });
    }
  }

  /** Completes the last segment, and ends. Throws if the edge does not accept the end. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    while (this.#parts % PARTS_PER_SEGMENT !== 0) this.#push();
    await this.#publisher.end();
  }

  /** Stops at once. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#publisher.close();
  }

  /** Segments that the recording lacks, or whose bytes differ. */
  async findMissingSegments(): Promise<string[]> {
    const missing: string[] = [];
    for (const { name: track } of this.config.tracks) {
      const base = `${this.#edge}/live/${this.#stream}/${this.config.broadcast}/${track}/`;
      const listed = await (await fetch(`${base}vod.m3u8`)).text();
      for (let msn = 0; msn * PARTS_PER_SEGMENT < this.#parts; msn += 1) {
        const whole = Array.from({ length: PARTS_PER_SEGMENT }, (_, part) =>
          bytesOf(track, msn * PARTS_PER_SEGMENT + part, this.#partBytes),
        );
        const answer = await fetch(`${base}${msn}.m4s`);
        const isSame = answer.status === 200 && Buffer.from(await answer.arrayBuffer()).equals(Buffer.concat(whole));
        if (!isSame || !listed.includes(`\n${msn}.m4s`)) missing.push(`${track} ${msn}`);
      }
    }
    return missing;
  }
}

const WINDOW_MS = 10_000;
const MESSAGE_MS = 400;

/** A participant that keeps writing in a room whatever happens to it. */
export class DurabilityChat {
  readonly acknowledged: string[] = [];
  readonly #edge: string;
  readonly #stream: string;
  readonly #client: ReturnType<typeof createNodeRoomClient>;
  readonly #timer: NodeJS.Timeout;
  readonly #sinceMs = Date.now();
  #sentCount = 0;
  #pending = 0;

  private constructor(edge: string, stream: string, token: string) {
    this.#edge = edge;
    this.#stream = stream;
    const socket = `${edge.replace("http", "ws")}/rooms/${stream}/socket?token=${token}`;
    this.#client = createNodeRoomClient(socket, "127.0.0.1", {}, systemPlatform);
    this.#client.start();
    this.#timer = setInterval(() => this.#sendMessage(), MESSAGE_MS);
  }

  /** Starts writing, as the host. */
  static async start(edge: string, stream: string): Promise<DurabilityChat> {
    const body = JSON.stringify({ room: stream, sub: "talker", name: "Talker", roles: ["host"], seconds: 86_400 });
    const answer = await fetch(`${edge}/dev/token`, { method: "POST", body });
    return new DurabilityChat(edge, stream, ((await answer.json()) as { token: string }).token);
  }

  #sendMessage(): void {
    const text = `message ${this.#sentCount++}`;
    this.#pending += 1;
    void this.#client.sendCommand({ kind: "chat", text }).then((outcome) => {
      this.#pending -= 1;
      if (outcome.ok) this.acknowledged.push(text);
    });
  }

  /** Stops writing, and waits until everything is acknowledged. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    const untilMs = Date.now() + 30_000;
    while (this.#pending > 0 && Date.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 50));
    this.#client.stop();
  }

  /** Leaves at once. */
  close(): void {
    clearInterval(this.#timer);
    this.#client.stop();
  }

  /** Acknowledged messages that the room's history lacks, or has more than once. */
  async findMissingMessages(): Promise<string[]> {
    const acknowledged = [...this.acknowledged];
    const missing = await this.#missingOf(acknowledged);
    if (missing.length === 0) return [];
    // The newest replay windows may be cached for 2 s.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    return this.#missingOf(acknowledged);
  }

  async #missingOf(texts: readonly string[]): Promise<string[]> {
    const counts = new Map<string, number>();
    const firstMs = this.#sinceMs - (this.#sinceMs % WINDOW_MS) - WINDOW_MS;
    for (let fromMs = firstMs; fromMs < Date.now() + WINDOW_MS; fromMs += WINDOW_MS) {
      const answer = await fetch(`${this.#edge}/rooms/${this.#stream}/replay?from=${fromMs}`);
      const { events = [] } = (await answer.json()) as { events?: { text?: string }[] };
      for (const { text } of events) if (text !== undefined) counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    return texts.filter((text) => counts.get(text) !== 1);
  }
}
