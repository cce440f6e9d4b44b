/** What crosses the tree's links: each object once where nothing is wrong, and once a feed where feeds break; and no storm of requests towards the Live object. */

import type { ChunkMeta } from "../../../core/broadcast/broadcast-log.ts";
import { BoundedMap } from "../../../core/kit/bounded-map.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import { CHECKER_PART, type CheckerExports } from "./checker-part.ts";
import type { MediaWorld } from "./media-world.ts";

/** Objects that are remembered of one link. */
const MAX_REMEMBERED = 2_048;
/** Links, or feeds, that are remembered. */
const MAX_LINKS = 256;
/**
 * Crossings of an object in a feed where tails are small: with its entry, and as bytes once the sender, which had dropped them
 * from its own tail, has got them again by a feed or two of its own.
 */
const SMALL_TAIL_CROSSINGS = 3;
/** The window of rates, milliseconds. */
const WINDOW_MS = 10_000;
/**
 * Requests that the Live object gets from one node in a window where all goes well: a lease's renewal, and one for each
 * track that its viewers choose, as when they come; and where they are twice as many, a storm. The first pull of an object
 * is none of them: all that is in the tails of the tracks may lack in a feed that broke.
 */
const NORMAL_REQUESTS_PER_NODE = 8;
/** Seven target durations of three tracks, in segments of six parts. */
const MAX_FIRST_PULLS = 128;
const STORM_FACTOR = 2;
/**
 * What attackers ask for may be nowhere, so with faults their requests may reach the Live object: as many of them as are
 * counted within a time, and no more than this.
 */
const MAX_ATTACK_REQUESTS = 8;
const ATTACKS_COUNTED_MS = 2 * WINDOW_MS;

/** Calls of nodes below to the Live object. */
const FROM_BELOW = /^(fetch|pull)/;

interface ChunkHead {
  readonly track: string;
  readonly meta: ChunkMeta;
}

/** A node drops the bytes of a track that nobody has asked for in a while, and gets those of the window again with the track. */
interface Demand {
  wanted: ReadonlySet<string>;
  readonly givenUp: Map<string, number>;
}

interface SnapshotWithConfig {
  readonly config: { readonly broadcast: string };
}

/** The checker of one run. */
export class TreeChecker {
  readonly #world: MediaWorld;
  readonly #code: CheckerExports;
  /** By link and epoch, how often each object has crossed; with faults, by feed: one that breaks is begun anew. */
  readonly #crossings = new BoundedMap<string, Map<string, number>>(MAX_LINKS);
  readonly #requests: { readonly atMs: number; readonly from: string; readonly what: string }[] = [];
  /** First pulls of objects. */
  readonly #firstPulls: { readonly atMs: number; readonly from: string }[] = [];
  readonly #pulled = new BoundedMap<string, true>(MAX_REMEMBERED);
  /** By node: the tracks that it takes, and how often it has given up each. */
  readonly #demand = new BoundedMap<string, Demand>(MAX_LINKS);
  #isFaulty = false;
  #maxCrossings = 1;
  #isAudited = false;
  readonly #attackedMs: number[] = [];
  #feeds = 0;
  /** The most that was seen, for the report. */
  mostCrossings = 0;
  mostRequests = 0;

  readonly #isChunksWanted: boolean;

  /** `isChunksWanted`: somebody watches by flow. */
  constructor(world: MediaWorld, isChunksWanted: boolean) {
    this.#world = world;
    this.#isChunksWanted = isChunksWanted;
    this.#code = world.code.evaluate(CHECKER_PART.name, new SimulatedProcess(world.simulation, "checker", 1));
    world.network.onStream = (from, to) => this.#observeStream(from, to);
    world.network.onRequest = (from, to, what) => this.#observeRequest(from, to, what);
  }

  /** Faults have begun: what is bounded is more from here on. */
  allowFaults(): void {
    this.#isFaulty = true;
  }

  /** Nodes drop what does not fit into their tails, and get it again. */
  allowSmallTails(): void {
    this.allowFaults();
    this.#maxCrossings = SMALL_TAIL_CROSSINGS;
  }

  /** Somebody asks for what there may not be. */
  noteAttack(): void {
    this.#attackedMs.push(this.#world.simulation.nowMs);
  }

  /** From here on rates are not judged: an audit asks for the playlists of every broadcast, one after the other. */
  allowAudit(): void {
    this.#isAudited = true;
  }

  #observeStream(from: SimulatedProcess, to: SimulatedProcess): (chunk: Uint8Array) => void {
    // Flow is no feed: `FlowJudge` reads it.
    if (to.place.startsWith("viewer")) return () => {};
    const decoder = new this.#code.FeedDecoder();
    const feed = this.#feeds++;
    let epoch = "";
    return (chunk) => {
      for (const { header, body } of decoder.decode(chunk)) {
        // An epoch is that of one broadcast, and where nothing is wrong a broadcast has one.
        if (header.kind === "hello")
          epoch = this.#isFaulty ? `${header.epoch} feed ${feed}` : this.#broadcastOf(header);
        if (body.byteLength === 0) continue;
        if (header.kind === "chunks") this.#observeChunks(from, to, feed, header.chunks);
        if (header.kind === "bytes") this.#countPart(from, to, epoch, header.track, `${header.msn}.${header.part}`);
        if (header.kind !== "entry" || header.entry.kind !== "part") continue;
        const { track, meta } = header.entry;
        this.#countPart(from, to, epoch, track, `${meta.msn}.${meta.part}`);
      }
    };
  }

  /** A feed carries each frame once: the next one may begin with those of the open part. */
  #observeChunks(from: SimulatedProcess, to: SimulatedProcess, feed: number, chunks: readonly ChunkHead[]): void {
    const { simulation } = this.#world;
    if (!this.#isChunksWanted)
      simulation.fail("chunks", `${from.name} sent chunks to ${to.name}, and nobody watches by flow`);
    for (const { track, meta } of chunks)
      this.#count(from, to, `chunks of feed ${feed}`, `${track}/${meta.msn}.${meta.part} frame ${meta.frame}`);
  }

  #countFirstPull(from: string): void {
    const { nowMs } = this.#world.simulation;
    this.#firstPulls.push({ atMs: nowMs, from });
    while ((this.#firstPulls[0]?.atMs ?? nowMs) < nowMs - WINDOW_MS) this.#firstPulls.shift();
    const own = this.#firstPulls.filter((pull) => pull.from === from).length;
    if (own > MAX_FIRST_PULLS) {
      const message = `${from} pulled ${own} objects for the first time within ${WINDOW_MS / 1000} s`;
      this.#world.simulation.fail("upstream rate", message);
    }
  }

  #isFirstPull(pull: string): boolean {
    const isFirst = this.#pulled.get(pull) === undefined;
    this.#pulled.set(pull, true);
    return isFirst;
  }

  readonly #broadcasts = new Map<string, string>();

  /** The broadcast of an epoch: the first hello of an epoch names it. */
  #broadcastOf({ epoch, snapshot }: { readonly epoch: string; readonly snapshot?: SnapshotWithConfig }): string {
    const id = snapshot?.config.broadcast ?? this.#broadcasts.get(epoch) ?? epoch;
    this.#broadcasts.set(epoch, id);
    return id;
  }

  /** A part that is pulled crosses the link as one in a feed does. */
  #observePull(from: SimulatedProcess, to: SimulatedProcess, what: string): void {
    if (this.#isFaulty || !what.startsWith("pullPart ")) return;
    const [, id, track, msn, part] = /^pullPart (\S+) (\S+) (\d+) (\d+)$/.exec(what) ?? [];
    if (id === undefined) return;
    this.#countPart(to, from, id, track ?? "", `${msn}.${part}`);
  }

  #observeDemand(from: SimulatedProcess, what: string): void {
    const want = /^fetch \/feed\?.*&want=([^&]*)/.exec(what)?.[1];
    if (want === undefined) return;
    const wanted = new Set(decodeURIComponent(want).split(","));
    const demand = this.#demand.get(from.name) ?? { wanted, givenUp: new Map<string, number>() };
    this.#demand.set(from.name, demand);
    for (const track of demand.wanted)
      if (!wanted.has(track)) demand.givenUp.set(track, (demand.givenUp.get(track) ?? 0) + 1);
    demand.wanted = wanted;
  }

  #countPart(from: SimulatedProcess, to: SimulatedProcess, epoch: string, track: string, part: string): void {
    const givenUp = this.#demand.get(to.name)?.givenUp.get(track) ?? 0;
    this.#count(
      from,
      to,
      givenUp === 0 ? epoch : `${epoch} after ${track} was given up ${givenUp} times`,
      `${track}/${part}`,
    );
  }

  #count(from: SimulatedProcess, to: SimulatedProcess, epoch: string, object: string): void {
    const link = `${from.place} → ${to.name} ${epoch}`;
    const objects = this.#crossings.get(link) ?? new Map<string, number>();
    this.#crossings.set(link, objects);
    const times = (objects.get(object) ?? 0) + 1;
    objects.set(object, times);
    for (const oldest of objects.keys()) {
      if (objects.size <= MAX_REMEMBERED) break;
      objects.delete(oldest);
    }
    this.mostCrossings = Math.max(this.mostCrossings, times);
    if (times > this.#maxCrossings)
      this.#world.simulation.fail("crossings", `${object} crossed ${link} ${times} times`);
  }

  #observeRequest(from: SimulatedProcess, to: SimulatedProcess, what: string): void {
    this.#observePull(from, to, what);
    this.#observeDemand(from, what);
    if (this.#isAudited || !to.place.startsWith("live") || !FROM_BELOW.test(what)) return;
    if (what.startsWith("pull") && this.#isFirstPull(`${from.name} ${what}`)) {
      this.#countFirstPull(from.name);
      return;
    }
    const { nowMs } = this.#world.simulation;
    this.#requests.push({ atMs: nowMs, from: from.name, what });
    while ((this.#requests[0]?.atMs ?? nowMs) < nowMs - WINDOW_MS) this.#requests.shift();
    const ofNode = this.#requests.filter((request) => request.from === from.name);
    const own = ofNode.length;
    this.mostRequests = Math.max(this.mostRequests, own);
    while ((this.#attackedMs[0] ?? nowMs) < nowMs - ATTACKS_COUNTED_MS) this.#attackedMs.shift();
    const attacks = this.#isFaulty ? Math.min(MAX_ATTACK_REQUESTS, this.#attackedMs.length) : 0;
    if (own > NORMAL_REQUESTS_PER_NODE * STORM_FACTOR + attacks) {
      const list = ofNode.map((request) => request.what).join(", ");
      const message = `${own} requests of ${from.name} reached ${to.place} within ${WINDOW_MS / 1000} s: ${list}`;
      this.#world.simulation.fail("upstream rate", message);
    }
  }
}
