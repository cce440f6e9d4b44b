/**
 * A relay of a large room, between the room and some of its shards: a room to the shards, a shard to the room. It gathers
 * and passes on, and decides nothing; whatever it knows, the room and its shards know too.
 */
import { DurableObject } from "cloudflare:workers";
import { ofName } from "../../protocol/room/address.ts";
import { Audience } from "../../protocol/room/audience.ts";
import { Distinct } from "../../protocol/room/distinct.ts";
import { type Counts, NO_COUNTS, type Viewer } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type {
  Attachment,
  Batch,
  Report,
  ReportReply,
  RoomCalls,
  ShardCalls,
  Submission,
  SubmissionReply,
} from "../../protocol/room/mesh.ts";
import { Ring } from "../../protocol/room/ring.ts";
import { countMs, gatherMs, relays, type Sizing, sizingOf } from "../../protocol/room/shards.ts";
import { RoomState } from "../../protocol/room/state.ts";
import { relayChild } from "../../protocol/room/tree.ts";
import type { Outcome, Stretch } from "../../protocol/room/wire.ts";
import { type Located, located } from "../../tiers/located.ts";
import { Broadcaster } from "./broadcaster.ts";
import { type ChildEnv, childStubs } from "./children.ts";
import { Outbox } from "./outbox.ts";

/** What a relay is bound to. */
export interface RoomRelayEnv extends ChildEnv {
  readonly ROOM: Located<RoomCalls>;
  readonly CORRAL_ROOM_FAN_OUT?: string;
}

/** What a relay knows of its room, and how it tells its shards. */
interface Tree {
  readonly ring: Ring;
  readonly state: RoomState;
  readonly broadcaster: Broadcaster;
}

/** Bounds of a relay, each with its reason. */
const RELAY_LIMITS = {
  /** Rounds in which shards are told before the room hears that they were: a shard that is behind needs two. */
  rounds: 3,
  /** A shard that takes longer doesn't hold up the others. */
  roundMs: 1_000,
  /** A relay that lost its memory waits so long for its shards' counts before it counts without them. */
  unheardMs: 15_000,
  /** A room that didn't answer is asked again after so long. */
  againMs: 1_000,
  /** A count that didn't change is told this often, well before the room stops trusting it. */
  tellEveryMs: 10_000,
} as const;

const EMPTY = { shards: new Map(), totals: { peak: 0, watchedMs: 0, likes: 0, reactions: {} }, distinct: null };
const BUSY: Outcome = { ok: false, error: "busy" };

/** One relay of a room, named `{room}/{index}`. */
export class RoomRelay extends DurableObject<RoomRelayEnv> implements RoomCalls, ShardCalls {
  readonly #roomName: string;
  readonly #child: number;
  readonly #sizing: Sizing;
  readonly #children: Set<number>;
  /** Shards that haven't counted since this relay's memory began. */
  readonly #unheard: Set<number>;
  readonly #bornMs = Date.now();
  readonly #audience = new Audience(EMPTY, Date.now());
  readonly #distinct = new Distinct();
  readonly #outbox: Outbox;
  #distinctChanged = false;
  #tree: Promise<Tree> | null = null;
  #counts: Counts = NO_COUNTS;
  #shards = 1;
  #ticking = false;
  #counting = false;
  #told = "";
  #toldMs = 0;

  constructor(ctx: DurableObjectState, env: RoomRelayEnv) {
    super(ctx, env);
    const { room, index } = ofName(ctx.id.name);
    this.#roomName = room;
    this.#child = relayChild(index);
    this.#sizing = sizingOf(env);
    this.#children = new Set(ctx.storage.kv.get<number[]>("children") ?? []);
    this.#unheard = new Set(this.#children);
    this.#outbox = new Outbox((submission) => this.#room().submit(submission));
    // What the room told may not have reached all shards before the memory was lost.
    if (this.#children.size > 0) this.#tickSoon();
  }

  // ── for shards ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a shard in, and gives all that it needs. */
  async attach(shard: number): Promise<Attachment> {
    const { ring, state, broadcaster } = await this.#attached();
    this.#keep(shard);
    broadcaster.join(shard, true);
    const recent = ring.recent(ROOM_LIMITS.ringEvents);
    return { recent, facts: state.publicFacts(), counts: this.#counts, shards: this.#shards };
  }

  /** Passes on what a shard's viewers did, with what those of others did. */
  async submit({ acts, likes, reactions }: Submission): Promise<SubmissionReply> {
    const afterMs = gatherMs(this.#peers);
    if (likes > 0) this.#outbox.tap(null, likes, afterMs);
    for (const [emoji, count] of Object.entries(reactions)) this.#outbox.tap(emoji, count, afterMs);
    const outcomes = acts.map(
      (asked) =>
        new Promise<Outcome>((answer) => {
          if (!this.#outbox.add(asked, answer, afterMs)) answer(BUSY);
        }),
    );
    return { outcomes: await Promise.all(outcomes) };
  }

  /** Takes in what a shard counted. */
  async report(shard: number, report: Report): Promise<ReportReply> {
    const nowMs = Date.now();
    this.#unheard.delete(shard);
    this.#audience.report(shard, { ...report, distinct: null }, nowMs);
    if (report.distinct !== null && this.#distinct.merge(Distinct.from(report.distinct))) this.#distinctChanged = true;
    const { broadcaster } = await this.#attached();
    if (report.sockets > 0 || report.watching > 0) {
      this.#keep(shard);
      broadcaster.heard(shard);
      this.#tickSoon();
    } else {
      this.#audience.drop(shard);
      broadcaster.leave(shard);
      if (this.#children.delete(shard)) this.ctx.storage.kv.put("children", [...this.#children]);
    }
    this.#countSoon();
    return { shards: this.#shards };
  }

  /** The room is told who has come. */
  meet(viewer: Viewer): Promise<void> {
    return this.#room().meet(viewer);
  }

  /** As the room answers. */
  since(epoch: string, offset: number): Promise<Stretch | null> {
    return this.#room().since(epoch, offset);
  }

  // ── for the room ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Tells the shards what happened, and then the room that they were told; so nothing is lost with this relay. */
  async deliver(batch: Batch): Promise<number> {
    const known = this.#tree !== null;
    let tree = await this.#attached();
    const { epoch, head } = tree.ring;
    if (known && (batch.wholeFacts || batch.epoch !== epoch || (batch.reset && batch.from > head))) {
      this.#tree = null;
      tree = await this.#attached();
    }
    // What this relay was told meanwhile is newer than the batch; access has a revision of its own and comes beside events.
    const fresh = batch.to > tree.ring.head;
    const facts = batch.facts.filter(({ of }) => fresh || of === "access");
    if (tree.ring.add(batch) === null) return tree.ring.head;
    for (const fact of facts) tree.state.apply(fact);
    this.#counts = batch.counts;
    this.#shards = batch.shards;
    tree.broadcaster.changed(batch.to, facts, batch.notes);
    for (let round = 0; round < RELAY_LIMITS.rounds && !this.#tell(tree); round += 1) {
      // A wait that is left behind would keep this relay awake.
      const told = new AbortController();
      await Promise.race([tree.broadcaster.idle(), scheduler.wait(RELAY_LIMITS.roundMs, { signal: told.signal })]);
      told.abort();
    }
    this.#tickSoon();
    return tree.ring.head;
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** How many call the room beside this relay. */
  get #peers(): number {
    return Math.max(1, relays(this.#shards, this.#sizing));
  }

  #keep(shard: number): void {
    if (this.#children.has(shard)) return;
    this.#children.add(shard);
    this.ctx.storage.kv.put("children", [...this.#children]);
  }

  /** What this relay knows of its room, asked for once by whoever needs it first. */
  #attached(): Promise<Tree> {
    this.#tree ??= this.#attach().catch((error: unknown) => {
      this.#tree = null;
      throw error;
    });
    return this.#tree;
  }

  async #attach(): Promise<Tree> {
    const { recent, facts, counts, shards } = await this.#room().attach(this.#child);
    const ring = new Ring(recent.epoch, recent.from, ROOM_LIMITS.ringEvents);
    ring.add(recent);
    const state = RoomState.from(facts);
    const broadcaster = new Broadcaster(childStubs(this.env, this.#roomName), ring, state);
    for (const shard of this.#children) broadcaster.join(shard, false);
    this.#counts = counts;
    this.#shards = shards;
    return { ring, state, broadcaster };
  }

  #tell({ broadcaster }: Tree): boolean {
    return broadcaster.send(this.#counts, this.#shards, 1, Date.now());
  }

  /** Tells those shards that lack something, again and again until none does. */
  #tickSoon(afterMs: number = ROOM_LIMITS.tickMs): void {
    if (this.#ticking) return;
    this.#ticking = true;
    setTimeout(() => void this.#tick(), afterMs);
  }

  async #tick(): Promise<void> {
    try {
      const all = this.#tell(await this.#attached());
      this.#ticking = false;
      if (!all) this.#tickSoon();
    } catch (error) {
      console.warn("a relay could not reach its room", error);
      this.#ticking = false;
      this.#tickSoon(RELAY_LIMITS.againMs);
    }
  }

  #countSoon(): void {
    if (this.#counting) return;
    this.#counting = true;
    setTimeout(() => void this.#count(), countMs(this.#peers));
  }

  async #count(): Promise<void> {
    this.#counting = false;
    const nowMs = Date.now();
    // Sums without a shard that is about to count would let the room's count jump.
    if (this.#unheard.size > 0 && nowMs - this.#bornMs < RELAY_LIMITS.unheardMs) return this.#countSoon();
    const { sockets } = this.#audience;
    const of = [...this.#children];
    const report = {
      sockets,
      watching: this.#audience.watching(nowMs),
      uncounted: this.#audience.uncounted(nowMs),
      of,
    };
    const told = JSON.stringify(report);
    if (told === this.#told && !this.#distinctChanged && nowMs - this.#toldMs < RELAY_LIMITS.tellEveryMs) return;
    const distinct = this.#distinctChanged ? this.#distinct.bytes() : null;
    this.#distinctChanged = false;
    try {
      await this.#room().report(this.#child, { ...report, distinct });
      this.#told = told;
      this.#toldMs = nowMs;
      if (of.length === 0) await this.#rest();
    } catch (error) {
      this.#distinctChanged ||= distinct !== null;
      console.warn("the room could not be told who watches", error);
      this.#countSoon();
    }
  }

  /** A relay without shards keeps nothing, and asks anew when one comes. */
  async #rest(): Promise<void> {
    if (this.#children.size > 0) return;
    this.#tree = null;
    await this.ctx.storage.deleteAll();
  }

  #room(): RoomCalls {
    return located(this.env.ROOM, this.#roomName);
  }
}
