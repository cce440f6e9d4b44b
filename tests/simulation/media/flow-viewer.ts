/**
 * A viewer by flow: learns the tracks from the multivariant playlist, opens one response, reads it at its own pace, and asks
 * again where it ends or goes silent.
 */
import type { SimulatedResponse } from "../kernel/fetch-types.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import { FlowJudge, type JudgedPart } from "./flow-judge.ts";
import type { PartPlace, PublishedBroadcast } from "./ledger.ts";
import { chooseTracks } from "./viewer.ts";
import { ViewerClient } from "./viewer-client.ts";
import type { ViewerWorld, Watcher } from "./watcher.ts";

/** How a viewer reads: at once, slower than media comes at times, or not at all for a while. */
export type FlowPace = "prompt" | "slow" | "stopping";

/** What a viewer by flow does. */
export interface FlowProfile {
  readonly stream: string;
  readonly site: string;
  /** Which of the variants it takes, counted from the best. */
  readonly variant: number;
  readonly takes: "both" | "video" | "audio";
  readonly join: "latest" | "next";
  readonly pace: FlowPace;
  /** Bytes of one track's media in a second. */
  readonly bytesPerSecond: number;
  /** A segment's duration. */
  readonly segmentMs: number;
  /** Sent with each request, or null. */
  readonly token: string | null;
}

/** A response that says nothing for so long is replaced; the first media may be a segment away. */
const SILENCE_MS = 3_000;
/** A connection holds this much, and that of a slow viewer less: what it has not taken waits in the isolate. */
const WINDOW_BYTES = 262_144;
const SLOW_WINDOW_BYTES = 2_048;
/** A viewer that stops reads for so long, and then not for so long. */
const READS_MS = { min: 1_000, max: 15_000 } as const;
const RESTS_MS = { min: 500, max: 12_000 } as const;
/**
 * From the packager to a viewer that reads in time, where nothing is wrong: the publisher's request, the object's write, the
 * links of the tree and the last mile; 45 ms each between continents.
 */
const MAX_LAG_MS = 350;
/** Frames come ahead of their parts once a response has asked for them for so long: feeds are renewed, then the publisher is told. */
const FRAMES_AFTER_MS = 8_000;

/** What viewers by flow have got together, for the report of a run. */
export interface FlowCounts {
  responses: number;
  parts: number;
  /** Pieces that were no whole parts. */
  chunks: number;
  skips: number;
  /** The most that a part was behind the packager where nothing was wrong. */
  mostLagMs: number;
}

/** What a response was asked for. */
interface Choice {
  readonly broadcast: PublishedBroadcast;
  readonly path: string;
  readonly judge: FlowJudge;
}

/** One viewer by flow. */
export class FlowViewer implements Watcher {
  readonly process: SimulatedProcess;
  readonly profile: FlowProfile;
  readonly world: ViewerWorld;
  readonly #client: ViewerClient;
  #broadcast: PublishedBroadcast | null = null;
  /** By track of the latest response. */
  #newest = new Map<string, PartPlace | null>();
  /** The status that the last attempt to open a response met, and why the last response ended. */
  joinStatus = 0;
  lastEnd = "none";
  readonly #counts: FlowCounts;
  /** Nothing may delay what it reads. */
  readonly #isUndisturbed: () => boolean;

  /** `isUndisturbed`: nothing is wrong, and nothing has been. */
  constructor(
    world: ViewerWorld,
    profile: FlowProfile,
    number: number,
    isUndisturbed: () => boolean,
    counts: FlowCounts,
  ) {
    this.#counts = counts;
    this.world = world;
    this.profile = profile;
    this.#isUndisturbed = isUndisturbed;
    this.process = new SimulatedProcess(world.simulation, `viewer${number}@${profile.site}`, 1);
    this.#client = new ViewerClient(world, this, { number, site: profile.site, token: profile.token });
  }

  /** The broadcast that it plays or played last, and the newest part of each track, of all responses; null before the first. */
  get playing(): {
    readonly broadcast: PublishedBroadcast;
    readonly newest: ReadonlyMap<string, PartPlace | null>;
  } | null {
    const broadcast = this.#broadcast;
    return broadcast === null ? null : { broadcast, newest: this.#newest };
  }

  /** Watches until it is ended. */
  async watch(): Promise<void> {
    const { random } = this.process;
    while (this.process.isAlive) {
      const reason = await this.#watchOnce();
      this.lastEnd = reason;
      const isAtOnce = reason === "renew" || reason === "init" || reason === "replaced";
      await this.#client.sleep(isAtOnce ? random.integer(1, 50) : random.integer(300, 1_200));
    }
  }

  /** The viewer goes away without a word. */
  vanish(): void {
    this.process.end("vanishes");
  }

  /** Why it ended. */
  async #watchOnce(): Promise<string> {
    const choice = await this.#choose();
    if (choice === null) return "no tracks";
    const response = await this.#join(choice);
    if (response === null) return this.#disturbed(choice, "no answer");
    if (response.status !== 200) return this.#disturbed(choice, `${response.status}`);
    this.world.answered(this, choice.path, response.status);
    if (response.body === null) return this.#disturbed(choice, "no body");
    this.#begin(choice);
    this.#counts.responses += 1;
    const reason = await this.#read(choice, response.body.getReader());
    this.#counts.skips += choice.judge.skips;
    this.process.log(`${choice.path} ends: ${reason}`);
    return reason;
  }

  /** Joins may be spread, as those by playlists are: then it asks again for the same. Null without an answer. */
  async #join({ path }: Choice): Promise<SimulatedResponse | null> {
    const windowBytes = this.profile.pace === "slow" ? SLOW_WINDOW_BYTES : WINDOW_BYTES;
    for (;;) {
      const response = await this.#client.open(path, windowBytes);
      this.joinStatus = response?.status ?? 0;
      const retryAfter = response?.headers.get("retry-after") ?? null;
      if (response === null || response.status === 200 || retryAfter === null) return response;
      await this.#client.sleep(1000 * Number(retryAfter));
    }
  }

  /** Goes on from what earlier responses of the broadcast have brought. */
  #begin({ broadcast, judge }: Choice): void {
    const before = this.#broadcast === broadcast ? this.#newest : null;
    this.#broadcast = broadcast;
    this.#newest = new Map(judge.tracks.map((track) => [track, before?.get(track) ?? null]));
  }

  async #choose(): Promise<Choice | null> {
    const { stream, variant, takes, join } = this.profile;
    const path = `/live/${stream}/multivariant.m3u8`;
    const { status, bytes, retryAfterS } = await this.#client.get(path);
    this.joinStatus = status;
    if (status !== 200) {
      if (retryAfterS !== null) await this.#client.sleep(1000 * retryAfterS);
      return null;
    }
    const urls = chooseTracks(path, bytes, variant).map((url) => new URL(url).pathname.split("/"));
    const [id = "", name = ""] = urls[0]?.slice(3) ?? [];
    const sound = urls[1]?.[4] ?? null;
    const broadcast = this.world.ledger.broadcast(id);
    if (broadcast === undefined || urls[0]?.[5] === "vod.m3u8") return null;
    // Muxed tracks have their sound in themselves.
    const video = takes === "audio" && sound !== null ? null : name;
    const audio = takes === "video" ? null : sound;
    const fail = (checker: string, message: string): void =>
      this.world.simulation.fail(checker, `${this.process.place}, ${message}`);
    return {
      broadcast,
      path: `/live/${stream}/${id}/flow.mp4?video=${video ?? "none"}&audio=${audio ?? "none"}&join=${join}`,
      judge: new FlowJudge({ broadcast, video, audio, join }, this.#isUndisturbed, fail),
    };
  }

  async #read(choice: Choice, reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
    const { judge, path } = choice;
    const { pace, segmentMs } = this.profile;
    const { simulation } = this.world;
    const { random } = this.process;
    const begunMs = simulation.nowMs;
    let restsAtMs = simulation.nowMs + random.integer(READS_MS.min, READS_MS.max);
    for (;;) {
      const chunk = await this.#next(reader, judge.pieces === 0 ? SILENCE_MS + 2 * segmentMs : SILENCE_MS);
      if (typeof chunk === "string") {
        void reader.cancel().catch(() => {});
        this.#client.reconnect();
        return this.#disturbed(choice, chunk);
      }
      if (chunk.done) return judge.bye ?? this.#disturbed(choice, "it ended without a bye");
      this.#client.note(path, chunk.value.byteLength);
      const wasCaughtUp = judge.isCaughtUp;
      const parts = judge.push(chunk.value);
      this.#count(parts);
      if (judge.skips > 0 && pace === "prompt" && this.#isUndisturbed())
        simulation.fail("undisturbed", `${this.process.place} reads ${path} in time, and something was left out`);
      if (wasCaughtUp && pace === "prompt") for (const part of parts) this.#checkLag(part, begunMs);
      if (pace === "slow" && random.chance(0.3))
        await this.#client.sleep((1000 * chunk.value.byteLength * random.integer(1, 4)) / this.profile.bytesPerSecond);
      if (pace !== "stopping" || simulation.nowMs < restsAtMs) continue;
      if (random.chance(0.3)) {
        void reader.cancel().catch(() => {});
        return "stopped";
      }
      await this.#client.sleep(random.integer(RESTS_MS.min, RESTS_MS.max));
      restsAtMs = simulation.nowMs + random.integer(READS_MS.min, READS_MS.max);
    }
  }

  /** The next chunk, or what came instead. */
  #next(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    silenceMs: number,
  ): Promise<ReadableStreamReadResult<Uint8Array> | string> {
    return new Promise((resolve) => {
      const cancel = this.process.startTimer(silenceMs, () => resolve(`nothing came for ${silenceMs} ms`));
      reader.read().then(
        (chunk) => {
          cancel();
          resolve(chunk);
        },
        (error: unknown) => {
          cancel();
          resolve(String(error));
        },
      );
    });
  }

  #count(pieces: readonly JudgedPart[]): void {
    for (const { track, part, isComplete, isWhole } of pieces) {
      if (!isWhole) this.#counts.chunks += 1;
      if (!isComplete) continue;
      this.#counts.parts += 1;
      this.#newest.set(track, part);
    }
  }

  #checkLag({ part: { meta }, madeMs, isWhole }: JudgedPart, begunMs: number): void {
    const { simulation } = this.world;
    if (!this.#isUndisturbed()) return;
    const isFramed = this.#broadcast?.frames != null;
    const what = `${this.process.place} got ${isWhole ? "" : "frames of "}part ${meta.msn}.${meta.part}`;
    if (isWhole && isFramed) {
      // Until the publisher has been told, frames come with their parts.
      if (simulation.nowMs - begunMs > FRAMES_AFTER_MS) simulation.fail("flow lag", `${what} and not its frames`);
      return;
    }
    const lagMs = simulation.nowMs - madeMs;
    this.#counts.mostLagMs = Math.max(this.#counts.mostLagMs, lagMs);
    if (lagMs > MAX_LAG_MS) simulation.fail("flow lag", `${what} ${lagMs} ms after they were made`);
  }

  #disturbed({ path }: Choice, what: string): string {
    this.world.disturbed(this, `${path}: ${what}`);
    return what;
  }
}
