/**
 * How a crowd gets its seats: viewers come, isolates send them to shards as far as they know the room, shards take on so
 * many a second, and whoever fails comes again with full jitter. Crowds are amounts, not persons; ten million take a second.
 */

import { CLIENT_LIMITS } from "../../../protocol/room/client.ts";
import { ROOM_LIMITS } from "../../../protocol/room/limits.ts";
import { countMs, excessOf, SIZING, shardsFor, siblings } from "../../../protocol/room/shards.ts";
import type { Random } from "../random.ts";
import { Lookups, type Trust } from "./lookups.ts";
import { Returns } from "./returns.ts";

/** Who comes, and when. */
export interface Storm {
  readonly viewers: number;
  /** Viewers who come in each second. */
  readonly joins: ArrayLike<number>;
  /** The data centre of each isolate, and how long what they know is trusted. */
  readonly colos: ArrayLike<number>;
  readonly trust: Trust;
  /** The room's shards when it begins. */
  readonly shards: number;
  readonly joinsPerSecond: number;
}

/** What came of it. */
export interface Seating {
  /** The room's shards at the end, and the sockets of each object that has some. */
  readonly shards: number;
  readonly seats: Float64Array;
  /** Seconds from the start until so many have a seat; null: not within `MOST_S`. */
  readonly halfS: number | null;
  readonly mostS: number | null;
  /** In their busiest second: questions for the room's place, and sockets asked for at one shard. */
  readonly peakPlaces: number;
  readonly peakJoins: number;
  /** Viewers without a seat when it was over, or given up. */
  readonly without: number;
  /** Tries that failed at an object with too much to do, and that a full shard sent away. */
  readonly failed: number;
  readonly sentAway: number;
}

/** A step of the simulation. */
const STEP_MS = 100;
/** A storm that isn't over by then is given up. */
const MOST_S = 900;
/** "Most" are all but one in a thousand. */
const MOST = 0.999;
/** From this failure on a client waits for its longest time. */
const LAST_FAILURE = Math.ceil(Math.log2(CLIENT_LIMITS.againMostMs / CLIENT_LIMITS.againMs));
/** What a full shard tells those whom it sends away, as `room-shard.ts` does. */
const SENT_AWAY_MS = 30_000;
const STEPS_PER_S = 1_000 / STEP_MS;

/** Steps within which a client comes again after `failures`, at a random one. */
const spreadSteps = (failures: number): number =>
  Math.round(Math.min(CLIENT_LIMITS.againMostMs, CLIENT_LIMITS.againMs * 2 ** failures) / STEP_MS);

/** Plays the storm. */
export function seat(storm: Storm, random: Random): Seating {
  const crowd = new Crowd(storm, random);
  const { viewers } = storm;
  let halfS: number | null = null;
  for (let step = 0; step < MOST_S * STEPS_PER_S; step += 1) {
    crowd.step(step);
    const seated = crowd.seated / viewers;
    if (halfS === null && seated >= 0.5) halfS = (step + 1) / STEPS_PER_S;
    if (seated >= MOST) return crowd.outcome(halfS, (step + 1) / STEPS_PER_S);
  }
  return crowd.outcome(halfS, null);
}

class Crowd {
  readonly #storm: Storm;
  /** The most shards that the room can come to, which tell as many kinds of viewers apart. */
  readonly #kinds: number;
  /** Which part of the viewers has each remainder of its hash: those of one remainder share a shard, however many there are. */
  readonly #share: Float64Array;
  readonly #seats: Float64Array;
  /** Of them, those who were sent there when the room had 1, 2, 4, … shards, one row each. */
  readonly #since: Float64Array;
  readonly #asked: Float64Array;
  readonly #perSecond: Float64Array;
  readonly #returns: Returns;
  readonly #lookups: Lookups;
  /** Sockets by step: shards tell the room how many they have once in a while. */
  readonly #history: number[] = [];
  #shards: number;
  /** Questions for the room's place before this second. */
  #lookedUp = 0;
  #peakPlaces = 0;
  #peakJoins = 0;
  #failed = 0;
  #sentAway = 0;
  seated = 0;

  constructor(storm: Storm, random: Random) {
    this.#storm = storm;
    this.#shards = storm.shards;
    const kinds = shardsFor(storm.viewers, storm.shards);
    this.#kinds = kinds;
    this.#seats = new Float64Array(kinds);
    this.#asked = new Float64Array(kinds);
    this.#perSecond = new Float64Array(kinds);
    this.#since = new Float64Array((Math.log2(kinds) + 1) * kinds);
    this.#returns = new Returns(kinds, LAST_FAILURE + 1, Math.max(SENT_AWAY_MS / STEP_MS, spreadSteps(99)));
    const people = new Float64Array(kinds);
    for (let viewer = 0; viewer < storm.viewers; viewer += 1) {
      const remainder = Math.floor(random() * kinds);
      people[remainder] = (people[remainder] ?? 0) + 1;
    }
    this.#share = people.map((count) => count / storm.viewers);
    this.#lookups = new Lookups(storm.colos, storm.trust, storm.shards, random);
  }

  step(step: number): void {
    this.#history.push(this.seated);
    this.#grow(step);
    const fresh = (this.#storm.joins[Math.floor(step / STEPS_PER_S)] ?? 0) / STEPS_PER_S;
    const coming = fresh + this.#returns.next();
    if (coming > 0) {
      const views = this.#lookups.views(coming, this.#shards, step * STEP_MS);
      this.#asked.fill(0);
      for (const [shards, part] of views) this.#ask(shards, part, fresh);
      const before = this.#seats.slice();
      for (const [shards, part] of views) this.#take(shards, part, fresh, before);
    }
    if ((step + 1) % STEPS_PER_S === 0) this.#endSecond();
  }

  outcome(halfS: number | null, mostS: number | null): Seating {
    this.#endSecond();
    return {
      shards: this.#shards,
      seats: this.#seats.filter((sockets) => sockets >= 0.5),
      halfS,
      mostS,
      peakPlaces: this.#peakPlaces,
      peakJoins: this.#peakJoins,
      without: Math.round(this.#storm.viewers - this.seated),
      failed: Math.round(this.#failed),
      sentAway: Math.round(this.#sentAway),
    };
  }

  #grow(step: number): void {
    const reported = this.#history[step - Math.ceil(countMs(siblings(this.#shards)) / STEP_MS)] ?? 0;
    if (reported > 0) this.#shards = shardsFor(reported, this.#shards);
  }

  #ask(shards: number, part: number, fresh: number): void {
    for (let remainder = 0; remainder < this.#kinds; remainder += 1) {
      const coming = part * (fresh * (this.#share[remainder] ?? 0) + this.#returns.of(remainder));
      const shard = remainder % shards;
      this.#asked[shard] = (this.#asked[shard] ?? 0) + coming;
      this.#perSecond[shard] = (this.#perSecond[shard] ?? 0) + coming;
    }
  }

  #take(shards: number, part: number, fresh: number, before: Float64Array): void {
    const most = this.#storm.joinsPerSecond / STEPS_PER_S;
    for (let remainder = 0; remainder < this.#kinds; remainder += 1) {
      const shard = remainder % shards;
      const asked = this.#asked[shard] ?? 0;
      if (asked === 0) continue;
      const answered = Math.min(1, most / asked);
      const free = Math.max(0, ROOM_LIMITS.shardSockets - (before[shard] ?? 0));
      const fits = Math.min(1, free / (asked * answered));
      for (let failures = 0; failures <= LAST_FAILURE; failures += 1) {
        const first = failures === 0 ? fresh * (this.#share[remainder] ?? 0) : 0;
        const coming = part * (first + this.#returns.of(remainder, failures));
        if (coming === 0) continue;
        const failed = coming * (1 - answered);
        const away = coming * answered * (1 - fits);
        const next = Math.min(LAST_FAILURE, failures + 1);
        this.#failed += failed;
        this.#sentAway += away;
        if (failed > 0) this.#returns.add(remainder, next, failed, spreadSteps(failures));
        if (away > 0) this.#returns.add(remainder, next, away, SENT_AWAY_MS / STEP_MS);
        const seated = coming - failed - away;
        this.#sit(shard, Math.log2(shards), seated);
        this.seated += seated;
      }
    }
  }

  #sit(shard: number, doublings: number, people: number): void {
    const slot = doublings * this.#kinds + shard;
    this.#seats[shard] = (this.#seats[shard] ?? 0) + people;
    this.#since[slot] = (this.#since[slot] ?? 0) + people;
  }

  /** Shards that have too many send some to where they belong by now, as `mover.ts` does; they are there at once here. */
  #move(): void {
    const most = (ROOM_LIMITS.movedAtOnce * 1_000) / ROOM_LIMITS.moveEveryMs;
    for (let shard = 0; shard < this.#shards; shard += 1) {
      let left = Math.min(most, excessOf(shard, this.#shards, this.#seats[shard] ?? 0, SIZING));
      for (let doublings = 0; left > 0 && 2 ** doublings < this.#shards; doublings += 1) {
        const others = this.#shards / 2 ** doublings - 1;
        const strangers = ((this.#since[doublings * this.#kinds + shard] ?? 0) * others) / (others + 1);
        const moved = Math.min(left, strangers);
        left -= moved;
        this.#sit(shard, doublings, -moved);
        for (let other = 1; other <= others; other += 1) {
          this.#sit((shard + other * 2 ** doublings) % this.#shards, Math.log2(this.#shards), moved / others);
        }
      }
    }
  }

  #endSecond(): void {
    this.#move();
    this.#peakPlaces = Math.max(this.#peakPlaces, this.#lookups.asked - this.#lookedUp);
    this.#peakJoins = this.#perSecond.reduce((most, count) => Math.max(most, count), this.#peakJoins);
    this.#lookedUp = this.#lookups.asked;
    this.#perSecond.fill(0);
  }
}
