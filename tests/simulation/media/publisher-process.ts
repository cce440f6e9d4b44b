/** A publishing process: the product's publisher with its queue, fed by synthetic media in real time of the virtual clock. */
import type { BroadcastConfig } from "../../../core/broadcast/broadcast-log.ts";
import type { ChunkSource } from "../../../core/ingest/publisher/chunk-sender.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import type { PackagerOutput } from "../../../core/media/cmaf/packager.ts";
import type { SimulatedResponse } from "../kernel/fetch-types.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import type { ProductCode } from "../kernel/product-code.ts";
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { Simulation } from "../kernel/simulation.ts";
import { BroadcastFrames } from "./broadcast-frames.ts";
import { describeBroadcast, type MediaShape, makeInit, makePart, type PartPlan } from "./broadcast-source.ts";
import type { EdgeFleet, IsolateSlot } from "./edge-fleet.ts";
import { FrameSource } from "./frame-source.ts";
import type { Ledger, PublishedBroadcast } from "./ledger.ts";
import { createPool, type PoolRequest } from "./publisher-pool.ts";

/** The part of the product that a publishing process runs. */
export const PUBLISHER_PART = {
  name: "publisher",
  entry: `export { BroadcastPublisher } from "./origin/publisher/broadcast-publisher.ts";
    export { systemPlatform } from "./core/kit/system-platform.ts";`,
} as const;

interface Publisher {
  useChunkSource(source: ChunkSource): void;
  open(): Promise<void>;
  push(output: PackagerOutput): void;
  end(): Promise<void>;
  close(): Promise<void>;
  counters(): { readonly waiting: number; readonly keptBytes: number; readonly gapsByOverflow: number };
}

interface PublisherExports {
  readonly systemPlatform: Platform;
  readonly BroadcastPublisher: new (options: object) => Publisher;
}

/** What a publishing process works with. */
export interface PublisherOptions {
  readonly simulation: Simulation;
  readonly fleet: EdgeFleet;
  readonly code: ProductCode;
  readonly ledger: Ledger;
  readonly stream: string;
  readonly key: string;
  readonly site: string;
  readonly shape: MediaShape;
  readonly playback?: string;
  /** The publisher gives up, with what it says. */
  readonly onFailure: (message: string) => void;
}

/** How far a publishing process is. */
export type PublisherState = "opening" | "live" | "ending" | "ended" | "failed";

/** Time from the end of a part's media to its arrival from the encoder. */
const ENCODER_DELAY_MS = 40;
const ENCODER_JITTER_MS = 30;
/** The encoder gives frames one by one, or some at once, one of these by seed. */
const BURSTS_MS = [32, 64, 64, 128] as const;

/** One publishing process, from its start to its end. */
export class PublisherProcess {
  readonly process: SimulatedProcess;
  readonly broadcast: PublishedBroadcast;
  readonly #options: PublisherOptions;
  readonly #config: BroadcastConfig;
  readonly #publisher: Publisher;
  /** Of framed media. */
  readonly #source: FrameSource | null;
  readonly #burstMs: number;
  /** Requests go to this isolate until it fails. */
  #slot: IsolateSlot;
  #segment = 0;
  #part = 0;
  #index = 0;
  #initVersion = 1;
  #isDiscontinuity = false;
  readonly #publisherId: string;
  /** Until when the source gives nothing, and whether the packager fills that with gaps. */
  #pause: { readonly untilMs: number; readonly withGaps: boolean } | null = null;
  #state: PublisherState = "opening";

  constructor(options: PublisherOptions, life: number) {
    const { simulation, ledger, stream, shape, site } = options;
    this.#options = options;
    this.process = new SimulatedProcess(simulation, `publisher/${stream}@${site}`, life);
    this.#slot = this.process.random.pick(options.fleet.slotsAt(site));
    const id = `b${life}${this.process.random.uuid().replaceAll("-", "").slice(0, 12)}`;
    this.#config = describeBroadcast(shape, id, this.process.nowMs());
    const frames = shape.isFramed === true ? new BroadcastFrames(shape, this.#config.tracks) : null;
    this.broadcast = ledger.open(stream, this.#config, frames);
    const random = this.process.random.fork("frames");
    this.#burstMs = random.pick(BURSTS_MS);
    this.#source =
      frames && new FrameSource({ ...{ frames, random }, broadcast: this.broadcast, nowMs: () => simulation.nowMs });
    this.#publisherId = `publisher-${this.process.random.uuid().slice(0, 8)}`;
    this.#publisher = this.#createPublisher();
    if (this.#source !== null) this.#publisher.useChunkSource(this.#source);
    this.process.log(`begins broadcast ${id}`);
  }

  /** How far it is. */
  get state(): PublisherState {
    return this.#state;
  }

  /** Parts that wait, and bytes kept. */
  get backlog(): { readonly waiting: number; readonly keptBytes: number; readonly gapsByOverflow: number } {
    return this.#publisher.counters();
  }

  /** Whether the edge wants frames ahead of their parts. */
  get passesFrames(): boolean {
    return this.#source?.isWanted === true;
  }

  /** Whether parts come at their pace. */
  get isOnAir(): boolean {
    return this.#state === "live" && this.#pause === null;
  }

  #createPublisher(): Publisher {
    const { code, stream, key, playback } = this.#options;
    const { process, broadcast } = this;
    const pool = createPool((request) => this.#send(request), process);
    const exports = code.evaluate<PublisherExports>(PUBLISHER_PART.name, process, {
      modules: { undici: { Pool: pool } },
    });
    return new exports.BroadcastPublisher({
      edge: "http://edge.test",
      stream,
      key,
      publisher: this.#publisherId,
      config: this.#config,
      platform: exports.systemPlatform,
      ...(playback === undefined ? {} : { playback }),
      log: {
        info: (text: string) => process.log(text),
        warn: (text: string) => process.log(`warns: ${text}`),
        error: (text: string) => process.log(`error: ${text}`),
      },
      onFatal: (error: Error) => this.#fail(error.message),
      journal: {
        append: () => {},
        removeThrough: (msn: number) => {
          broadcast.durableMsn = Math.max(broadcast.durableMsn, msn);
        },
        removeAll: () => {
          broadcast.isEndConfirmed = true;
        },
      },
    });
  }

  /** Opens the broadcast and publishes until `end`. */
  async run(): Promise<void> {
    for (const track of this.#config.tracks) this.#push(this.#initOf(track.name));
    this.#startSource();
    try {
      await this.#publisher.open();
      if (this.#state === "opening") this.#state = "live";
      this.process.log("is live");
    } catch (error) {
      this.#fail(String(error));
    }
  }

  /** Ends the broadcast: waits until the edge has all of it. */
  async end(): Promise<void> {
    if (this.#state === "failed" || this.#state === "ended") return;
    this.#state = "ending";
    // A packager that is cut off leaves its last segment open.
    if (this.process.random.chance(0.7)) this.#closeSegment();
    try {
      await this.#publisher.end();
      this.process.log("has ended its broadcast");
      this.#state = "ended";
    } catch (error) {
      this.#fail(String(error));
    }
  }

  /** The source gives nothing for a while; the packager fills that with gaps, or not. */
  pause(durationMs: number, withGaps: boolean): void {
    if (!this.isOnAir) return;
    this.process.log(`source pauses for ${durationMs} ms${withGaps ? ", filled with gaps" : ""}`);
    this.#pause = { untilMs: this.process.nowMs() + durationMs, withGaps };
  }

  /** Sends what its own key allows it to send, and no packager makes; returns what. It is refused, and the log unchanged. */
  sendMalformed(random: SeededRandom): string {
    const { stream, key } = this.#options;
    const track = random.pick(this.#config.tracks).name;
    const [msn, part] = [this.#segment, this.#part + random.integer(0, 1)];
    const durationTicks = random.pick([0, -1, 0.5, 1e12]);
    const start = { programTimeMs: 0, initVersion: random.pick([1, 99]), discontinuity: false };
    const meta = {
      msn,
      part,
      durationTicks,
      independent: true,
      gap: random.chance(0.5),
      ...random.pick([{}, { start }]),
    };
    const [what, body] = random.pick<readonly [string, string]>([
      [`/${track}/${msn}.${part}.m4s`, "not a part"],
      [`/${track}/${msn + random.integer(0, 9)}.${part}.m4s`, "not a part"],
      ["/nobody/0.0.m4s", "not a part"],
      [`/${track}/init-${random.pick([1, 7, 300])}.mp4`, ""],
      ["/nobody/init-1.mp4", "x"],
      ["", JSON.stringify({ ...this.#config, windowS: random.pick([-1, 1e9]) })],
      ["", JSON.stringify({ ...this.#config, tracks: [] })],
    ]);
    const headers = {
      authorization: `Bearer ${key}`,
      "corral-publisher": this.#publisherId,
      "corral-part": random.chance(0.8) ? JSON.stringify(meta) : "{",
    };
    const path = `/ingest/${stream}/${this.#config.broadcast}${what}`;
    const request = { method: "PUT", path, headers, body, signal: NEVER_ABORTED };
    void this.#send(request).then(
      ({ status }) => this.process.log(`malformed ${what || "opening"}: ${status}`),
      () => {},
    );
    return what || "opening";
  }

  /** The process is killed. */
  kill(): void {
    if (this.#state !== "ended") this.broadcast.isCutOff = true;
    this.#state = "failed";
    this.process.end("killed");
  }

  #fail(message: string): void {
    if (this.#state === "failed") return;
    this.#state = "failed";
    this.broadcast.isCutOff = true;
    this.process.log(`gives up: ${message}`);
    this.process.end("gave up");
    this.#options.onFailure(message);
  }

  #startSource(): void {
    const { partMs } = this.#options.shape;
    const beganMs = this.#options.simulation.nowMs;
    let count = 0;
    const next = (): void => {
      this.#passFrames(beganMs + count * partMs);
      count += 1;
      const dueMs = beganMs + count * partMs + ENCODER_DELAY_MS + this.process.random.integer(0, ENCODER_JITTER_MS);
      this.process.startTimer(Math.max(1, dueMs - this.#options.simulation.nowMs), () => {
        if (this.#isOver) return;
        this.#produce();
        next();
      });
    };
    next();
  }

  get #isOver(): boolean {
    return this.#state === "ending" || this.#state === "ended" || this.#state === "failed";
  }

  /** The next part's frames, of which none come while the source pauses, on their way from the encoder. */
  #passFrames(beganMs: number): void {
    const source = this.#source;
    if (source === null || this.#pause !== null || !source.isWanted) return;
    const { partMs, partsPerSegment } = this.#options.shape;
    source.begin(this.#planPart(false, this.#part === partsPerSegment - 1));
    for (let elapsedMs = this.#burstMs; elapsedMs < partMs; elapsedMs += this.#burstMs) {
      const dueMs = beganMs + elapsedMs + ENCODER_DELAY_MS;
      this.process.startTimer(Math.max(1, dueMs - this.#options.simulation.nowMs), () => {
        if (!this.#isOver) source.pass(elapsedMs);
      });
    }
  }

  /** One part of every track. */
  #produce(): void {
    // A part whose frames were passed on is made of them, though the source pauses meanwhile.
    if (this.#source?.hasPassed === true) {
      this.#pushPart(false, this.#part === this.#options.shape.partsPerSegment - 1);
      return;
    }
    const pause = this.#pause;
    if (pause !== null && this.process.nowMs() >= pause.untilMs && this.#part === 0) {
      this.#pause = null;
      this.#initVersion += 1;
      this.#isDiscontinuity = true;
      for (const { name } of this.#config.tracks) this.#push(this.#initOf(name));
    }
    const isGap = this.#pause !== null;
    // Without gaps the segment that was open is still filled: a published part can't be closed later.
    if (isGap && this.#pause?.withGaps === false && this.#part === 0) return;
    this.#pushPart(isGap, this.#part === this.#options.shape.partsPerSegment - 1);
  }

  #pushPart(isGap: boolean, isLast: boolean): void {
    const { shape } = this.#options;
    this.#source?.complete();
    const plan = this.#planPart(isGap, isLast);
    for (const track of this.#config.tracks) this.#push(makePart(shape, track, plan, this.broadcast.frames));
    this.#index += 1;
    this.#part = isLast ? 0 : this.#part + 1;
    if (!isLast) return;
    this.#segment += 1;
    this.#isDiscontinuity = false;
  }

  #planPart(isGap: boolean, isLast: boolean): PartPlan {
    return {
      index: this.#index,
      msn: this.#segment,
      part: this.#part,
      // Program time goes on while the source pauses.
      programTimeMs: this.#programTimeMs(),
      initVersion: this.#initVersion,
      isDiscontinuity: this.#isDiscontinuity,
      isLast,
      isGap,
    };
  }

  #startOfTimelineMs: number | null = null;
  #timelineIndex = 0;

  /** Program time of the next part: continuous within a timeline, which begins with each discontinuity. */
  #programTimeMs(): number {
    const { partMs } = this.#options.shape;
    if (this.#startOfTimelineMs === null || (this.#isDiscontinuity && this.#part === 0)) {
      const nowMs = this.process.nowMs() - ENCODER_DELAY_MS - partMs;
      this.#startOfTimelineMs = this.#startOfTimelineMs === null ? this.#config.startedAtMs : nowMs;
      this.#timelineIndex = this.#index;
    }
    return Math.round(this.#startOfTimelineMs + (this.#index - this.#timelineIndex) * partMs);
  }

  /** The last segment is closed by a last part. */
  #closeSegment(): void {
    if (this.#part > 0) this.#pushPart(this.#pause !== null && this.#source?.hasPassed !== true, true);
  }

  #initOf(name: string): PackagerOutput {
    const track = this.#config.tracks.find((candidate) => candidate.name === name);
    if (track === undefined) throw new Error(`no track ${name}`);
    return { kind: "init", track: track.name, version: this.#initVersion, bytes: makeInit(track, this.#initVersion) };
  }

  #push(output: PackagerOutput): void {
    this.broadcast.add(output, this.#options.simulation.nowMs);
    this.#publisher.push(output);
  }

  async #send({ method, path, headers, body }: PoolRequest): Promise<SimulatedResponse> {
    const { fleet, site } = this.#options;
    try {
      const response = await fleet.fetch(this.process, this.#slot, {
        method,
        path,
        headers: { ...headers, "content-length": `${Buffer.byteLength(body)}` },
        body,
        bytes: body.length,
        mayDuplicate: true,
      });
      const [, track, msn, part] = PART_PATH.exec(path) ?? [];
      if (track !== undefined && response.status === 200)
        this.broadcast.receive(track, Number(msn), Number(part), this.#options.simulation.nowMs);
      return response;
    } catch (error) {
      this.#slot = this.process.random.pick(fleet.slotsAt(site));
      throw error;
    }
  }
}

/** A part, or the rest of one. */
const PART_PATH = /\/([^/]+)\/(\d+)\.(\d+)(?:\.rest)?\.m4s$/;

const NEVER_ABORTED = new AbortController().signal;
