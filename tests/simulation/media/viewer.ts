/**
 * A viewer as low-latency players are: joins by the multivariant playlist, follows one video and one audio playlist by
 * blocking reloads, requests the hinted part ahead, plays every part in order, and begins anew at the live edge where it
 * has lost its place.
 */
import { type MultivariantPlaylist, readMultivariantPlaylist } from "../../conformance/playlist-reader.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import type { PlayerHost, ViewerAnswer, ViewerProfile } from "./player-host.ts";
import { TrackFollower } from "./track-follower.ts";
import { ViewerClient } from "./viewer-client.ts";
import type { ViewerWorld, Watcher } from "./watcher.ts";

const decoder = new TextDecoder();

/** One viewer. */
export class Viewer implements PlayerHost, Watcher {
  readonly process: SimulatedProcess;
  readonly profile: ViewerProfile;
  readonly world: ViewerWorld;
  readonly #client: ViewerClient;
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
    this.#client = new ViewerClient(world, this, { number, site: profile.site, token: profile.token });
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
    return this.#client.sleep(ms);
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
    const urls = chooseTracks(path, answer.bytes, variant);
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
  get(path: string): Promise<ViewerAnswer> {
    this.requests += 1;
    return this.#client.get(path);
  }
}

/** The addresses of the variant's playlist and its audio, as a multivariant playlist has them. */
export function chooseTracks(path: string, bytes: Uint8Array, variant: number): string[] {
  const playlist = readMultivariantPlaylist(decoder.decode(bytes), `http://edge.test${path}`);
  return playlist === null ? [] : tracksOf(playlist, variant);
}

function tracksOf({ variants, renditions }: MultivariantPlaylist, variant: number): string[] {
  const chosen = variants[Math.min(variant, variants.length - 1)];
  const group = chosen?.get("AUDIO");
  const audio = renditions.find((one) => one.get("TYPE") === "AUDIO" && one.get("GROUP-ID") === group);
  return [chosen?.get("@URL"), audio?.get("@URL")].filter((url) => url !== undefined);
}
