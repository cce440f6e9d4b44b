/**
 * A viewer as low-latency players are: joins by the multivariant playlist, follows one video and one audio playlist by
 * blocking reloads, requests the hinted part ahead, plays every part in order, and begins anew at the live edge where it
 * has lost its place.
 */
import { type MultivariantPlaylist, readMultivariantPlaylist } from "../../conformance/playlist-reader.ts";
import { SimulatedHeaders, type SimulatedResponse } from "../kernel/fetch-types.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import type { Simulation } from "../kernel/simulation.ts";
import type { EdgeFleet, IsolateSlot } from "./edge-fleet.ts";
import type { Ledger } from "./ledger.ts";
import type { PlayerHost, ViewerAnswer, ViewerProfile } from "./player-host.ts";
import type { PlaylistJudge } from "./playlist-judge.ts";
import { TrackFollower } from "./track-follower.ts";

/** What viewers of a run share. */
export interface ViewerWorld {
  readonly simulation: Simulation;
  readonly fleet: EdgeFleet;
  readonly ledger: Ledger;
  readonly judge: PlaylistJudge;
  /** A viewer got an answer; checkers look at it. */
  answered(viewer: Viewer, path: string, response: SimulatedResponse): void;
  /** A viewer met what it may meet only while something is wrong. */
  disturbed(viewer: Viewer, what: string): void;
}

const REQUEST_TIMEOUT_MS = 15_000;
const NO_BYTES = new Uint8Array(0);
const decoder = new TextDecoder();

/** One viewer. */
export class Viewer implements PlayerHost {
  readonly process: SimulatedProcess;
  readonly profile: ViewerProfile;
  readonly world: ViewerWorld;
  readonly #headers: SimulatedHeaders;
  #slot: IsolateSlot;
  /** The tracks that it plays now. */
  followers: readonly TrackFollower[] = [];
  /** It has been let in at least once. */
  hasJoined = false;
  /** The status that the last attempt to join met; 200 while it plays. */
  joinStatus = 0;
  requests = 0;

  constructor(world: ViewerWorld, profile: ViewerProfile, number: number) {
    this.world = world;
    this.profile = profile;
    this.process = new SimulatedProcess(world.simulation, `viewer${number}@${profile.site}`, 1);
    this.#headers = new SimulatedHeaders({ "cf-connecting-ip": `10.${number >> 8}.${number & 255}.1` });
    if (profile.token !== null) this.#headers.set("authorization", `Bearer ${profile.token}`);
    this.#slot = this.process.random.pick(world.fleet.slotsAt(profile.site));
  }

  /** Watches until it is ended. */
  async watch(): Promise<void> {
    while (this.process.isAlive) {
      await this.#watchOnce();
      this.followers = [];
      await this.sleep(this.process.random.integer(300, 1_200));
    }
  }

  /** It met what it may meet only while something is wrong. */
  disturbed(what: string): void {
    this.world.disturbed(this, what);
  }

  /** The viewer goes away without a word. */
  vanish(): void {
    this.process.end("vanishes");
  }

  /** Waits; never comes back where the viewer has gone. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.process.startTimer(ms, resolve));
  }

  async #watchOnce(): Promise<void> {
    const { stream, variant } = this.profile;
    const path = `/live/${stream}/multivariant.m3u8`;
    const answer = await this.get(path);
    this.joinStatus = answer.status;
    if (answer.status !== 200) {
      if (answer.retryAfterS !== null) await this.sleep(1000 * answer.retryAfterS);
      return;
    }
    const multivariant = readMultivariantPlaylist(decoder.decode(answer.bytes), `http://edge.test${path}`);
    const urls = multivariant === null ? [] : chooseTracks(multivariant, variant);
    if (urls.length === 0) {
      this.world.simulation.fail("playlist", `${path} lists nothing to play`);
      return;
    }
    this.hasJoined = true;
    // A recording is not followed; the audit reads it.
    if (urls.some((url) => url.includes("/vod.m3u8"))) return;
    this.followers = urls.map((url) => new TrackFollower(this, new URL(url).pathname));
    await Promise.race(this.followers.map((follower) => follower.follow()));
    for (const follower of this.followers) follower.stop();
  }

  /** Requests a path from its isolate. Never rejects. */
  async get(path: string): Promise<ViewerAnswer> {
    const { fleet } = this.world;
    this.requests += 1;
    const slot = this.#slot;
    const failed = (why: string): ViewerAnswer => {
      this.process.log(`${path}: ${why}`);
      // The next connection may lead to another isolate of the data centre.
      this.#slot = this.process.random.pick(fleet.slotsAt(this.profile.site));
      return { status: 0, bytes: NO_BYTES, retryAfterS: null, isolate: "" };
    };
    try {
      const response = await this.#timed(fleet.fetch(this.process, slot, { path, headers: this.#headers }));
      if (response === "late") return failed("no answer");
      const bytes = response.heldBytes ?? (await this.#timed(response.bytes()));
      if (bytes === "late") return failed("no body");
      const { simulation } = this.world;
      simulation.trace.addAnswer(simulation.nowMs, this.process.name, path, response.status, bytes.byteLength);
      this.world.answered(this, path, response);
      const retryAfter = response.headers.get("retry-after");
      return {
        status: response.status,
        bytes,
        retryAfterS: retryAfter === null ? null : Number(retryAfter),
        isolate: slot.lifeName,
      };
    } catch (error) {
      return failed(String(error));
    }
  }

  #timed<T>(work: Promise<T>): Promise<T | "late"> {
    return new Promise((resolve, reject) => {
      const cancel = this.process.startTimer(REQUEST_TIMEOUT_MS, () => resolve("late"));
      work.then(
        (value) => {
          cancel();
          resolve(value);
        },
        (error: unknown) => {
          cancel();
          reject(error);
        },
      );
    });
  }
}

/** The addresses of the variant's playlist and its audio. */
function chooseTracks({ variants, renditions }: MultivariantPlaylist, variant: number): string[] {
  const chosen = variants[Math.min(variant, variants.length - 1)];
  const group = chosen?.get("AUDIO");
  const audio = renditions.find((one) => one.get("TYPE") === "AUDIO" && one.get("GROUP-ID") === group);
  return [chosen?.get("@URL"), audio?.get("@URL")].filter((url) => url !== undefined);
}
