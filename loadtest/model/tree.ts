/**
 * The tree in motion: isolates come with their first viewers, walk to a node that feeds them, and renew. Who feeds whom is
 * decided by the product's own `Door` and `Way`; only clocks, distances and service times are made up here.
 */
import { joinTailS } from "../../protocol/hls/timing.ts";
import { type Address, addressText, LIVE, type Site } from "../../protocol/tree/address.ts";
import { EDGE_LIMITS, FEED_LIMITS, SHIELD_LIMITS } from "../../protocol/tree/limits.ts";
import { TREE_LIMITS } from "../../protocol/tree/policy.ts";
import { memorable, Way } from "../../protocol/tree/way.ts";
import { type Crowd, choiceMasks, type Isolate } from "./crowd.ts";
import { attach, detach, type Fed, type Feeder, type Lead, newFed, newFeeder } from "./nodes.ts";
import { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";
import { bytesPerSecond, FIRST_PARTS, requestsPerSecond, type Settings } from "./settings.ts";
import { type Distances, roundTripMs } from "./world.ts";

/** What objects and data centres take for their work, milliseconds. */
export interface ServiceTimes {
  /** An object's time for a request for a feed. */
  readonly feedMs: number;
  /** An object's time to send a byte to one child. */
  readonly byteMs: number;
  /** Bytes a second that an object can send. */
  readonly linkBytesPerSecond: number;
  /** Looking into the data centre's cache for the way. */
  readonly recallMs: number;
  /** A viewer's round trip to its isolate: between the multivariant playlist and the playlists that it names. */
  readonly viewerMs: number;
}

/** What moves. */
export interface TreeOptions {
  readonly crowd: Crowd;
  readonly settings: Settings;
  readonly distances: Distances;
  readonly service: ServiceTimes;
  readonly seconds: number;
  /** From this time on all isolates renew so many times, as the harness makes them do to collect the counters. */
  readonly collect?: { readonly atS: number; readonly times: number; readonly everyMs: number };
}

/** Feeds carry this many bytes a second beside parts: beats, the status and the entries without bytes. */
const BARE_BYTES_PER_SECOND = 2_000;
/** A snapshot without bytes, and the init sections. */
const SNAPSHOT_BYTES = 20_000;

/** A tree that has run. */
export class Tree {
  readonly feeders = new Map<string, Feeder>();
  readonly isolates: { readonly node: Fed; readonly isolate: Isolate }[] = [];
  /** Requests for feeds that were refused: the node was full, or didn't get a feed itself in time. */
  refused = 0;
  /** The most requests that one walk to a feed took. */
  longestWalk = 0;
  /** Leaders that were taken for dead, and parts that were pulled, since feeds were late in a herd. */
  suspected = 0;
  pulls = 0;
  /** The longest that a node waited for the first word of a feed. */
  longestHelloMs = 0;
  readonly live: Feeder;
  readonly #options: TreeOptions;
  readonly #random: Random;
  readonly #queue = new EventQueue();
  readonly #memory = new Map<string, { readonly address: Address; readonly untilMs: number }>();
  readonly #flow: (want: number) => number;
  readonly #endMs: number;

  /** Runs it to its end. */
  constructor(options: TreeOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#flow = (want) => BARE_BYTES_PER_SECOND + bytesPerSecond(options.settings, want);
    const { times = 0, everyMs = 0 } = options.collect ?? {};
    // Collecting ends with the tree at rest.
    this.#endMs = options.seconds * 1_000 + times * everyMs;
    this.live = this.#feederAt(LIVE);
    for (const isolate of options.crowd.isolates) this.#arrives(isolate);
    this.#queue.drain();
  }

  /** Requests that were sent up by all nodes. */
  get sent(): number {
    const shields = [...this.feeders.values()].reduce((sum, { fedSide }) => sum + (fedSide?.sent ?? 0), 0);
    return shields + this.isolates.reduce((sum, { node }) => sum + node.sent, 0);
  }

  #arrives(isolate: Isolate): void {
    const { settings, service, collect } = this.#options;
    const { colo, region } = isolate.colo;
    const site: Site = { colo, region };
    const name = `${colo}-${Math.floor(this.#random() * 2 ** 32).toString(16)}-${this.isolates.length}`;
    // Its viewers' requests, and those who are parked look once a second.
    const lookMs = 1_000 / (isolate.viewers * (requestsPerSecond(settings) / 2 + 1));
    const node: Fed = { ...newFed(name, new Way({ kind: "isolate", site, node: name }), region, lookMs), colo };
    this.isolates.push({ node, isolate });
    this.#queue.at(isolate.firstS * 1_000, (now) => this.#tend(node, now));
    const masks = choiceMasks(settings);
    for (const [choice, firstS] of isolate.choiceFirstS.entries()) {
      if (!Number.isFinite(firstS)) continue;
      for (const [track] of settings.tracks.entries()) {
        if ((((masks[choice] ?? 0) >> track) & 1) === 0) continue;
        // The track is named by the multivariant playlist, which the isolate has once it is fed.
        const atMs = firstS * 1_000 + service.viewerMs;
        node.wantedMs[track] = Math.min(node.wantedMs[track] ?? atMs, atMs);
        this.#queue.at(atMs, (now) => this.#want(node, 1 << track, now));
        this.#queue.at(atMs + EDGE_LIMITS.carriedMs, (now) => this.#late(node, track, now));
      }
    }
    for (let time = 0; time < (collect?.times ?? 0); time += 1) {
      this.#queue.at((collect?.atS ?? 0) * 1_000 + time * (collect?.everyMs ?? 0), (now) => {
        this.#want(node, 1 << (settings.tracks.length + time), now);
      });
    }
  }

  #want(node: Fed, tracks: number, now: number): void {
    node.wanted |= tracks;
    if (node.lead !== null && (tracks & ~node.lead.want) !== 0) this.#tend(node, now);
  }

  /** Goes for a feed, unless the node is on its way to one. */
  #tend(node: Fed, now: number): void {
    if (node.walking !== null || now > this.#endMs) return;
    const lost = node.way.lost && node.kind === "isolate";
    const lead: Lead = { startedMs: now, want: node.wanted, wordMs: now, heard: false };
    node.walking = lead;
    this.#queue.at(now + EDGE_LIMITS.suspectMs, (then) => this.#suspect(node, lead, then));
    this.#queue.at(now + (lost ? this.#options.service.recallMs : 0), (then) => {
      const known = lost ? this.#memory.get(node.colo) : undefined;
      this.#ask(node, lead, known !== undefined && known.untilMs > then ? known.address : null, 1, then);
    });
  }

  /** A leader that hears nothing for long is taken for dead, and another goes for a feed. */
  #suspect(node: Fed, lead: Lead, now: number): void {
    if (node.walking !== lead || lead.heard) return;
    const dueMs = lead.wordMs + EDGE_LIMITS.suspectMs;
    if (now < dueMs) {
      this.#queue.at(dueMs, (then) => this.#suspect(node, lead, then));
      return;
    }
    this.suspected += 1;
    node.walking = null;
    this.#tend(node, now);
  }

  /** The feed is late: a player pulls what it starts with. */
  #late(node: Fed, track: number, now: number): void {
    if (node.lead === null || (node.lead.want & (1 << track)) === 0)
      this.#pull(node, this.#feederAt(node.way.address), track, now);
  }

  /**
   * The parts that a track's first player starts with and that this node lacks are asked of the node above, once for all
   * below: the feed hasn't brought the track, or it began after them.
   */
  #pull(node: Fed, feeder: Feeder, track: number, now: number): void {
    const { settings, service } = this.#options;
    const fromMs = (node.wantedMs[track] ?? now) - FIRST_PARTS * settings.partMs;
    const lacking = Math.ceil(((node.tailFromMs[track] ?? Number.POSITIVE_INFINITY) - fromMs) / settings.partMs);
    const parts = Math.min(FIRST_PARTS, Math.max(0, lacking));
    if (parts === 0 || (node.pulled & (1 << track)) !== 0) return;
    node.pulled |= 1 << track;
    node.sent += parts;
    this.pulls += parts;
    this.#count(feeder, parts, now);
    const bytes = (parts * bytesPerSecond(settings, 1 << track) * settings.partMs) / 1_000;
    feeder.linkUntilMs = Math.max(feeder.linkUntilMs, now) + (bytes * 1_000) / service.linkBytesPerSecond;
    const shield = feeder.fedSide;
    if (shield === null) return;
    shield.wantedMs[track] = Math.min(shield.wantedMs[track] ?? Number.POSITIVE_INFINITY, node.wantedMs[track] ?? now);
    this.#pull(shield, this.#feederAt(shield.way.address), track, now);
  }

  #count(feeder: Feeder, requests: number, now: number): void {
    const second = Math.min(feeder.requests.length - 1, Math.floor(now / 1_000));
    feeder.requests[second] = (feeder.requests[second] ?? 0) + requests;
  }

  #ask(node: Fed, lead: Lead, remembered: Address | null, steps: number, now: number): void {
    const { address, pressed } = node.way.at(remembered, now);
    const halfMs = roundTripMs(this.#options.distances, node.region, address) / 2;
    node.sent += 1;
    this.longestWalk = Math.max(this.longestWalk, steps);
    this.#queue.at(now + halfMs, (at) => {
      const feeder = this.#feederAt(address);
      this.#count(feeder, 1, at);
      this.#queue.at(this.#work(feeder, this.#options.service.feedMs, at), (done) => {
        const verdict = this.#verdict(feeder, node, pressed, done);
        if (verdict === "serve") return this.#serve(feeder, { asker: node, lead, halfMs }, done);
        this.#queue.at(done + halfMs, (back) => {
          lead.wordMs = back;
          if (verdict === "full" || !node.way.sent(verdict, back)) this.#refused(node, back);
          else this.#ask(node, lead, remembered, steps + 1, back);
        });
      });
    });
  }

  #verdict(
    { door, fed, names, isolates, shields }: Feeder,
    node: Fed,
    pressed: boolean,
    now: number,
  ): "serve" | "up" | "down" | "full" {
    const renews = fed.has(node);
    const others = {
      isolates: isolates - (renews && node.kind === "isolate" ? 1 : 0),
      shields: shields - (renews && node.kind !== "isolate" ? 1 : 0),
      has: (name: string) => names.has(name),
    };
    const verdict = door.ask(node.name, { kind: node.kind, pressed, renews, sited: true }, others, now);
    return verdict === "serve" && others.isolates + others.shields >= FEED_LIMITS.subscribers ? "full" : verdict;
  }

  /** When the object has done `ms` of work that came at `now`: it does one thing after the other. */
  #work(feeder: Feeder, ms: number, now: number): number {
    feeder.mostQueueMs = Math.max(feeder.mostQueueMs, feeder.busyUntilMs - now);
    feeder.busyUntilMs = Math.max(feeder.busyUntilMs, now) + ms;
    return feeder.busyUntilMs;
  }

  #serve(feeder: Feeder, waiting: { asker: Fed; lead: Lead; halfMs: number }, now: number): void {
    const shield = feeder.fedSide;
    if (shield === null) {
      this.#open(feeder, waiting, now);
      return;
    }
    const { lead, asker } = waiting;
    shield.wanted |= lead.want;
    if (shield.lead !== null && (lead.want & ~shield.lead.want) === 0) {
      this.#open(feeder, waiting, now);
      return;
    }
    feeder.waiting.push(waiting);
    // While the shield has some feed, a newcomer waits no longer for the bytes that it wants.
    const waitMs = shield.lead === null ? EDGE_LIMITS.helloMs : SHIELD_LIMITS.carryMs;
    this.#queue.at(now + waitMs, (late) => {
      if (!feeder.waiting.includes(waiting)) return;
      feeder.waiting = feeder.waiting.filter((other) => other !== waiting);
      if (shield.lead !== null) this.#open(feeder, waiting, late);
      else this.#queue.at(late + waiting.halfMs, (back) => this.#refused(asker, back));
    });
    this.#tend(shield, now);
  }

  #open(feeder: Feeder, { asker, lead, halfMs }: { asker: Fed; lead: Lead; halfMs: number }, now: number): void {
    const { settings, service } = this.#options;
    const before = asker.lead;
    const lacks = before === null ? lead.want : lead.want & ~before.want;
    const fromMs = tailFromMs(settings, now);
    const bytes = (before === null ? SNAPSHOT_BYTES : 0) + ((now - fromMs) / 1_000) * bytesPerSecond(settings, lacks);
    for (const [track] of settings.tracks.entries()) {
      if (((lacks >> track) & 1) === 0) continue;
      // A shield has no more than its own feed brought it.
      const above = feeder.fedSide === null ? fromMs : (feeder.fedSide.tailFromMs[track] ?? Number.POSITIVE_INFINITY);
      asker.tailFromMs[track] = Math.max(fromMs, above);
    }
    const doneMs = this.#work(feeder, bytes * service.byteMs, now);
    this.#queue.at(doneMs + halfMs, () => {
      lead.heard = true;
    });
    this.longestHelloMs = Math.max(this.longestHelloMs, doneMs + halfMs - lead.startedMs);
    feeder.linkUntilMs = Math.max(feeder.linkUntilMs, now) + (bytes * 1_000) / service.linkBytesPerSecond;
    feeder.mostLinkMs = Math.max(feeder.mostLinkMs, feeder.linkUntilMs - now);
    attach(feeder, asker, lead.want, this.#flow, now);
    const sentMs = Math.max(doneMs, feeder.linkUntilMs);
    this.#queue.at(sentMs + halfMs, (heard) => this.#caughtUp(feeder, asker, lead, heard));
  }

  #caughtUp(feeder: Feeder, node: Fed, lead: Lead, now: number): void {
    node.way.served();
    node.failures = 0;
    if (node.walking === lead) node.walking = null;
    if (node.feeder !== null && node.feeder !== feeder) detach(node.feeder, node, this.#flow, now);
    if (node.feeder !== feeder) node.fedSinceMs = now;
    node.feeder = feeder;
    node.lead = lead;
    this.#remember(node, now);
    // Feeds beat, and the Live object's place is told at the first beat after it has settled.
    if (feeder === this.live) this.#queue.at(now + TREE_LIMITS.settledMs, (beat) => this.#remember(node, beat));
    const { side } = node;
    if (side !== null) {
      const ready = side.waiting.filter((waiting) => (waiting.lead.want & ~lead.want) === 0);
      side.waiting = side.waiting.filter((waiting) => !ready.includes(waiting));
      for (const waiting of ready) this.#open(side, waiting, now);
    }
    if (side === null) {
      for (const [track] of this.#options.settings.tracks.entries()) {
        if (((lead.want >> track) & 1) === 1) this.#pull(node, feeder, track, now);
      }
    }
    if ((node.wanted & ~lead.want) !== 0) this.#tend(node, now);
    const leadMs = side === null ? EDGE_LIMITS.leadMs : SHIELD_LIMITS.leadMs;
    const lateMs = side === null ? -Math.log(1 - this.#random()) * node.lookMs : this.#random() * SHIELD_LIMITS.tendMs;
    this.#queue.at(lead.startedMs + leadMs + lateMs, (due) => this.#renew(node, lead, due));
  }

  #renew(node: Fed, lead: Lead, now: number): void {
    if (node.lead !== lead) return;
    const { side, feeder } = node;
    const idle = side !== null && side.fed.size === 0 && now - side.childlessSinceMs > TREE_LIMITS.idleMs;
    if (!idle) {
      this.#tend(node, now);
      return;
    }
    if (feeder !== null) detach(feeder, node, this.#flow, now);
    node.feeder = null;
    node.lead = null;
  }

  #remember(node: Fed, now: number): void {
    const worth = node.feeder === null ? null : memorable(node.feeder.address, now - node.fedSinceMs);
    if (node.kind !== "isolate" || worth === null || now - node.rememberedMs < EDGE_LIMITS.leadMs / 2) return;
    node.rememberedMs = now;
    this.#memory.set(node.colo, { address: worth, untilMs: now + TREE_LIMITS.wayMs });
  }

  #refused(node: Fed, now: number): void {
    this.refused += 1;
    node.way.failed(now);
    node.walking = null;
    node.failures += 1;
    const most = Math.min(EDGE_LIMITS.retryMostMs, EDGE_LIMITS.retryMs * 2 ** Math.min(node.failures - 1, 6));
    this.#queue.at(now + (node.failures === 1 ? 0 : most * this.#random()), (then) => this.#tend(node, then));
  }

  #feederAt(address: Address): Feeder {
    const text = addressText(address);
    const feeder = this.feeders.get(text) ?? newFeeder(address, this.#options.seconds + 1);
    this.feeders.set(text, feeder);
    return feeder;
  }
}

/** Where the media begins that a feed sends first at `now`: the segment in which players start, from its beginning. */
function tailFromMs({ partMs, segmentMs }: Settings, now: number): number {
  return Math.floor((now - joinTailS(partMs) * 1_000) / segmentMs) * segmentMs;
}
