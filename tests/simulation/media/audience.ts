/** The viewers of a run: who comes when, who goes, and who has no right to watch. */
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { ViewerProfile } from "./player-host.ts";
import { Viewer, type ViewerWorld } from "./viewer.ts";
import { createViewerToken } from "./viewer-tokens.ts";

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
}

/** Of those who come to a stream with tokens, so many have no right to it. */
const INTRUDER_SHARE = 0.15;

/** All viewers of one stream. */
export class Audience {
  readonly #options: AudienceOptions;
  readonly #random: SeededRandom;
  readonly #standings = new WeakMap<Viewer, Standing>();
  readonly viewers: Set<Viewer> = new Set();
  #count = 0;

  constructor(options: AudienceOptions) {
    this.#options = options;
    this.#random = options.world.simulation.random.fork("audience");
  }

  /** Whether a viewer may watch, as the run made it. */
  standing(viewer: Viewer): Standing {
    return this.#standings.get(viewer) ?? "may watch";
  }

  /** The subject of a viewer's token. */
  subjectOf(viewer: Viewer): string {
    return viewer.process.place.split("@")[0] ?? "";
  }

  /** A viewer comes. */
  add(): Viewer {
    const { world, stream, sites, variants, needsTokens } = this.#options;
    const random = this.#random;
    const number = this.#count++;
    const isIntruder = needsTokens && random.chance(INTRUDER_SHARE);
    const standing: Standing = isIntruder
      ? random.pick(["no token", "forged token", "token of another stream"])
      : "may watch";
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
    void viewer.watch();
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
    const leaving = [...this.viewers].slice(0, count);
    for (const viewer of leaving) {
      this.#remove(viewer);
      this.add();
    }
    return leaving.length;
  }

  /** Everybody goes. */
  removeAll(): void {
    for (const viewer of [...this.viewers]) this.#remove(viewer);
  }

  #remove(viewer: Viewer): void {
    this.viewers.delete(viewer);
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
