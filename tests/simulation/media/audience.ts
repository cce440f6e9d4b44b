/** The viewers of a run: who comes when, who goes, and who has no right to watch. */
import type { SeededRandom } from "../kernel/seeded-random.ts";
import { type FlowCounts, type FlowPace, type FlowProfile, FlowViewer } from "./flow-viewer.ts";
import type { ViewerProfile } from "./player-host.ts";
import { Viewer } from "./viewer.ts";
import { createViewerToken } from "./viewer-tokens.ts";
import type { ViewerWorld, Watcher } from "./watcher.ts";

/** Whose requests must not be answered with media, and why. */
export type Standing = "may watch" | "no token" | "forged token" | "token of another stream";

/** What an audience is made of. */
export interface AudienceOptions {
  readonly world: ViewerWorld;
  readonly stream: string;
  readonly sites: readonly string[];
  readonly variants: number;
  /** Viewers need tokens; some come without. */
  readonly needsTokens: boolean;
  /** Of all viewers, so many watch by flow. */
  readonly flowShare: number;
  /** Bytes of one track's media in a second, and a segment's duration. */
  readonly media: Pick<FlowProfile, "bytesPerSecond" | "segmentMs">;
  /** Nothing is wrong, and nothing has been. */
  readonly isUndisturbed: () => boolean;
}

/** Of those who come to a stream with tokens, so many have no right to it. */
const INTRUDER_SHARE = 0.15;
const PACES: readonly FlowPace[] = ["prompt", "prompt", "prompt", "slow", "stopping"];

/** All viewers of one stream. */
export class Audience {
  readonly #options: AudienceOptions;
  readonly #random: SeededRandom;
  readonly #flowRandom: SeededRandom;
  readonly #standings = new WeakMap<Watcher, Standing>();
  readonly viewers: Set<Viewer> = new Set();
  readonly flowViewers: Set<FlowViewer> = new Set();
  /** All that flow has ever done here, those who have gone included. */
  readonly flowCounts: FlowCounts = { responses: 0, parts: 0, chunks: 0, skips: 0, mostLagMs: 0 };
  #count = 0;
  #flowShare: number;

  constructor(options: AudienceOptions) {
    this.#options = options;
    this.#flowShare = options.flowShare;
    this.#random = options.world.simulation.random.fork("audience");
    this.#flowRandom = options.world.simulation.random.fork("flow audience");
  }

  /** Everybody who watches. */
  get all(): readonly (Viewer | FlowViewer)[] {
    return [...this.viewers, ...this.flowViewers];
  }

  /** Whether a viewer may watch, as the run made it. */
  standing(viewer: Watcher): Standing {
    return this.#standings.get(viewer) ?? "may watch";
  }

  /** The subject of a viewer's token. */
  subjectOf(viewer: Watcher): string {
    return viewer.process.place.split("@")[0] ?? "";
  }

  /** A viewer comes. */
  add(): Viewer | FlowViewer {
    const number = this.#count++;
    const viewer = this.#flowRandom.chance(this.#flowShare) ? this.#addByFlow(number) : this.#addPlayer(number);
    void viewer.watch();
    return viewer;
  }

  #drawStanding(random: SeededRandom): Standing {
    const isIntruder = this.#options.needsTokens && random.chance(INTRUDER_SHARE);
    return isIntruder ? random.pick(["no token", "forged token", "token of another stream"]) : "may watch";
  }

  #addPlayer(number: number): Viewer {
    const { world, stream, sites, variants, needsTokens } = this.#options;
    const random = this.#random;
    const standing = this.#drawStanding(random);
    const profile: ViewerProfile = {
      stream,
      site: random.pick(sites),
      variant: random.integer(0, variants - 1),
      usesDeltas: random.chance(0.3),
      usesHints: random.chance(0.8),
      playsSegments: random.chance(0.2),
      token: needsTokens ? this.#createToken(standing, `viewer${number}`) : null,
    };
    const viewer = new Viewer(world, profile, number);
    this.#standings.set(viewer, standing);
    this.viewers.add(viewer);
    return viewer;
  }

  #addByFlow(number: number): FlowViewer {
    const { world, stream, sites, variants, needsTokens, media, isUndisturbed } = this.#options;
    const random = this.#flowRandom;
    const standing = this.#drawStanding(random);
    const profile: FlowProfile = {
      ...media,
      stream,
      site: random.pick(sites),
      variant: random.integer(0, variants - 1),
      takes: random.pick(["both", "both", "both", "video", "audio"]),
      join: random.pick(["latest", "latest", "next"]),
      pace: random.pick(PACES),
      token: needsTokens ? this.#createToken(standing, `viewer${number}`) : null,
    };
    const viewer = new FlowViewer(world, profile, number, isUndisturbed, this.flowCounts);
    this.#standings.set(viewer, standing);
    this.flowViewers.add(viewer);
    return viewer;
  }

  /** A viewer with the right to watch that only fetches what it is told. */
  createAuditor(): Viewer {
    const { world, stream, sites, needsTokens } = this.#options;
    const token = needsTokens ? this.#createToken("may watch", "auditor") : null;
    const site = this.#random.pick(sites);
    const profile = { stream, site, variant: 0, usesDeltas: false, usesHints: false, playsSegments: false, token };
    return new Viewer(world, profile, 9_999);
  }

  /** Viewers come within a second, and go after a while. */
  addCrowd(count: number, durationMs: number): void {
    const { simulation } = this.#options.world;
    for (let index = 0; index < count; index += 1) {
      simulation.after(this.#random.integer(0, 1_000), () => {
        const viewer = this.add();
        simulation.after(durationMs, () => this.#remove(viewer));
      });
    }
  }

  /** Some vanish, and as many come. Returns how many. */
  replaceSome(count: number): number {
    const leaving = this.all.slice(0, count);
    for (const viewer of leaving) {
      this.#remove(viewer);
      this.add();
    }
    return leaving.length;
  }

  /** Those by flow go, and nobody comes by flow any more. */
  removeFlowViewers(): void {
    for (const viewer of this.flowViewers) this.#remove(viewer);
    this.#flowShare = 0;
  }

  /** Everybody goes. */
  removeAll(): void {
    for (const viewer of this.all) this.#remove(viewer);
  }

  #remove(viewer: Viewer | FlowViewer): void {
    if (viewer instanceof Viewer) this.viewers.delete(viewer);
    else this.flowViewers.delete(viewer);
    viewer.vanish();
  }

  #createToken(standing: Standing, subject: string): string | null {
    const { stream, world } = this.#options;
    if (standing === "no token") return null;
    const room = standing === "token of another stream" ? `not-${stream}` : stream;
    return createViewerToken({
      room,
      subject,
      nowMs: world.simulation.clock.nowMs(),
      isForged: standing === "forged token",
    });
  }
}
