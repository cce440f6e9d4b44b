/** What a shard's viewers do, before it goes to the room: acts that are known are recognised, rates are kept. */
import { compositeKey } from "../../protocol/composite.ts";
import { actDigest } from "../../protocol/room/act-digest.ts";
import { AGAIN_RATE, actRate, TAP_RATE } from "../../protocol/room/bucket.ts";
import { Buckets } from "../../protocol/room/buckets.ts";
import type { Asked } from "../../protocol/room/decide.ts";
import { type Role, type Viewer, viewerKey } from "../../protocol/room/events.ts";
import type { Outcome } from "../../protocol/room/wire.ts";
import type { Outbox } from "./outbox.ts";
import type { Reviews } from "./reviews.ts";

type Answer = (outcome: Outcome) => void;

/** Bounds of an intake, each with its reason. */
const INTAKE_LIMITS = {
  /** Outcomes remembered for those whose acknowledgement was lost: some 20 s of a full room. */
  outcomes: 1_024,
  /** Sendings of one act that are answered: a client makes no more. */
  answers: 10,
} as const;

/** The intake of one shard. */
export class Intake {
  readonly #outbox: Outbox;
  readonly #reviews: Reviews;
  readonly #room: Parameters<Reviews["take"]>[1];
  readonly #buckets = new Buckets();
  /** Who waits for the outcome of each act that is on its way. */
  readonly #underway = new Map<string, { readonly digest: string; readonly answers: Answer[] }>();
  /** Outcomes of acts that were done, the oldest first. */
  readonly #done = new Map<string, { readonly digest: string; readonly outcome: Outcome }>();

  /** `room`: what the room is like, for those who review. */
  constructor(outbox: Outbox, reviews: Reviews, room: Parameters<Reviews["take"]>[1]) {
    this.#outbox = outbox;
    this.#reviews = reviews;
    this.#room = room;
  }

  /** Takes an act on, of one who has `roles`; `answer` is called with what became of it. */
  act(asked: Asked, roles: readonly Role[], answer: Answer, gatherMs: number): void {
    const key = compositeKey(viewerKey(asked.by), asked.id);
    const digest = actDigest(asked.act);
    // An act that comes again costs nothing: its sender couldn't know that it had come.
    const done = this.#done.get(key);
    const underway = this.#underway.get(key);
    const known = done ?? underway;
    if (known !== undefined && known.digest !== digest) answer(no("id-used"));
    else if (done !== undefined) answer(done.outcome);
    else if (underway === undefined) this.#passOn(key, digest, asked, roles, answer, gatherMs);
    else if (underway.answers.length < INTAKE_LIMITS.answers) underway.answers.push(answer);
  }

  #passOn(key: string, digest: string, asked: Asked, roles: readonly Role[], answer: Answer, gatherMs: number): void {
    const person = viewerKey(asked.by);
    const nowMs = Date.now();
    const within = this.#buckets.within(compositeKey("act", person), actRate(roles), nowMs);
    // Another shard, or this one before it lost its memory, may have passed it on: the room knows, and is asked so often.
    const may = within || this.#buckets.within(compositeKey("again", person), AGAIN_RATE, nowMs);
    const passed: Asked = within ? asked : { ...asked, onlyIfKnown: true };
    if (!may) {
      answer(no("rate-limited"));
      return;
    }
    this.#underway.set(key, { digest, answers: [answer] });
    const settle = (outcome: Outcome): void => this.#settle(key, outcome);
    const taken = this.#reviews.take(passed, this.#room, (reviewed) => {
      if (!this.#outbox.add(reviewed, settle, gatherMs)) settle(no("busy"));
    });
    if (!taken) settle(no("busy"));
  }

  /** Counts likes (no emoji) or reactions in. Those beyond the rate aren't counted, which nobody needs to be told. */
  tap(by: Viewer, emoji: string | null, count: number, gatherMs: number): void {
    const within = this.#buckets.within(compositeKey("tap", viewerKey(by)), TAP_RATE, Date.now(), count);
    if (within) this.#outbox.tap(emoji, count, gatherMs);
  }

  #settle(key: string, outcome: Outcome): void {
    const underway = this.#underway.get(key);
    if (underway === undefined) return;
    const { digest, answers } = underway;
    this.#underway.delete(key);
    if (outcome.ok && outcome.list === undefined) {
      this.#done.set(key, { digest, outcome });
      const [oldest] = this.#done.keys();
      if (this.#done.size > INTAKE_LIMITS.outcomes && oldest !== undefined) this.#done.delete(oldest);
    }
    for (const answer of answers) answer(outcome);
  }
}

function no(error: "rate-limited" | "busy" | "id-used"): Outcome {
  return { ok: false, error };
}
