import fc from "fast-check";
import { expect, test } from "vitest";
import type { PartMeta } from "../../broadcast/broadcast-log.ts";
import { parseTrackName, type TrackName } from "../../kit/ids.ts";
import type { PublishProgress } from "../publish-api.ts";
import { type PublishOutcome, PublishQueue, PublishQueueError, type PublishRequest } from "./publish-queue.ts";

const name = (text: string): TrackName => parseTrackName(text) ?? expect.fail(`${text} is no track name`);
const TRACKS = [name("720p"), name("audio")];
const PARTS = 3;

const meta = (msn: number, part: number, initVersion = 0): PartMeta => ({
  msn,
  part,
  durationTicks: 3000,
  independent: part === 0,
  gap: false,
  ...(part === 0 ? { start: { programTimeMs: 0, initVersion, discontinuity: false } } : {}),
  ...(part === PARTS - 1 ? { close: {} } : {}),
});

/** An edge that can lose what is not durable, with the semantics of the publish API. */
class ModelEdge {
  epoch = 0;
  readonly tracks = new Map(
    TRACKS.map((track) => [track, { durable: -1, parts: [] as string[], inits: new Set<number>(), gaps: 0 }]),
  );

  take(send: PublishRequest): PublishOutcome {
    const track = this.tracks.get(send.track) ?? expect.fail();
    if (send.kind === "init") {
      track.inits.add(send.version);
      return this.answer();
    }
    const key = `${send.meta.msn}.${send.meta.part}`;
    if (track.parts.includes(key)) return this.answer();
    const next = this.next(send.track);
    if (key !== `${next.msn}.${next.part}`) return this.answer();
    if (!track.inits.has(send.meta.start?.initVersion ?? 0)) return { kind: "init-missing" };
    track.parts.push(key);
    if (send.meta.gap) track.gaps += 1;
    return this.answer();
  }

  next(name: TrackName): { msn: number; part: number } {
    const count = this.tracks.get(name)?.parts.length ?? 0;
    return { msn: Math.floor(count / PARTS), part: count % PARTS };
  }

  store(name: TrackName): void {
    const track = this.tracks.get(name) ?? expect.fail();
    if (track.durable + 1 < this.next(name).msn) track.durable += 1;
  }

  crash(): void {
    this.epoch += 1;
    for (const track of this.tracks.values()) track.parts.length = (track.durable + 1) * PARTS;
    for (const track of this.tracks.values()) track.inits.clear();
  }

  answer(): Extract<PublishOutcome, { kind: "answer" }> {
    const entries = TRACKS.map((track) => {
      const state = this.tracks.get(track) ?? expect.fail();
      return [track, { durableMsn: state.durable, next: this.next(track), inits: [...state.inits] }] as const;
    });
    return {
      kind: "answer",
      answer: { epoch: `e${this.epoch}`, tracks: Object.fromEntries(entries) } as PublishProgress,
    };
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("push" as const), track: fc.nat(1) }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant("send" as const), track: fc.nat(1) }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant("answer" as const), track: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("drop-answer" as const), track: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("drop-request" as const), track: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("store" as const), track: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const), track: fc.nat(1) }) },
);

test("under any loss, delay or reset, the edge ends with exactly the pushed sequence", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const queue = new PublishQueue(TRACKS);
      const edge = new ModelEdge();
      const pushed = new Map(TRACKS.map((track) => [track, 0]));
      const flying = new Map<TrackName, { send: PublishRequest; outcome: PublishOutcome | null }>();
      for (const track of TRACKS) queue.pushInit(track, 0, new Uint8Array(4));
      const begin = (track: TrackName): void => {
        const send = queue.nextRequest(track);
        if (send !== null) flying.set(track, { send, outcome: edge.take(send) });
      };
      for (const { do: what, track: index } of steps) {
        const track = TRACKS[index] ?? expect.fail();
        const flight = flying.get(track);
        if (what === "push") {
          const count = pushed.get(track) ?? 0;
          queue.pushPart(track, meta(Math.floor(count / PARTS), count % PARTS), new Uint8Array(10), 0);
          pushed.set(track, count + 1);
        } else if (what === "send" && flight === undefined) begin(track);
        else if (what === "drop-request" && flight === undefined) {
          if (queue.nextRequest(track) !== null) queue.settleRequest(track, { kind: "failed" });
        } else if (what === "answer" && flight !== undefined) {
          flying.delete(track);
          queue.settleRequest(track, flight.outcome ?? { kind: "failed" });
        } else if (what === "drop-answer" && flight !== undefined) {
          flying.delete(track);
          queue.settleRequest(track, { kind: "failed" });
        } else if (what === "store") edge.store(track);
        else if (what === "crash") edge.crash();
      }
      for (const [track, { outcome }] of flying) queue.settleRequest(track, outcome ?? { kind: "failed" });
      queue.applyAnswer(edge.answer().answer, null);
      for (let round = 0; round < 2000; round += 1) {
        for (const track of TRACKS) {
          const send = queue.nextRequest(track);
          if (send !== null) queue.settleRequest(track, edge.take(send));
        }
      }
      for (const track of TRACKS) {
        const state = edge.tracks.get(track) ?? expect.fail();
        const count = pushed.get(track) ?? 0;
        expect(state.parts).toEqual(Array.from({ length: count }, (_, i) => `${Math.floor(i / PARTS)}.${i % PARTS}`));
        expect(state.gaps).toBe(0);
      }
      expect(queue.waiting).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test("a part is kept until its segment is durable, and then dropped", () => {
  const queue = new PublishQueue(TRACKS);
  const edge = new ModelEdge();
  const [video] = TRACKS as [TrackName];
  queue.pushInit(video, 0, new Uint8Array(4));
  for (let part = 0; part < PARTS; part += 1) queue.pushPart(video, meta(0, part), new Uint8Array(10), 0);
  for (let send = queue.nextRequest(video); send !== null; send = queue.nextRequest(video))
    queue.settleRequest(video, edge.take(send));
  expect(queue.bytes).toBe(30);
  edge.store(video);
  queue.applyAnswer(edge.answer().answer, null);
  expect(queue.bytes).toBe(0);
  expect(queue.isDurable).toBe(true);
});

test("beyond the byte limit the oldest parts become gaps with their position, duration and segment marks", () => {
  const queue = new PublishQueue(TRACKS, { bytes: 25, parts: 100 });
  const [video] = TRACKS as [TrackName];
  queue.pushInit(video, 0, new Uint8Array(4));
  const dropped = [0, 1, 2].map((part) => queue.pushPart(video, meta(0, part), new Uint8Array(10), part));
  expect(dropped).toEqual([0, 0, 1]);
  const edge = new ModelEdge();
  const sent: PublishRequest[] = [];
  for (let send = queue.nextRequest(video); send !== null; send = queue.nextRequest(video)) {
    sent.push(send);
    queue.settleRequest(video, edge.take(send));
  }
  expect(sent[1]).toMatchObject({
    meta: { msn: 0, part: 0, gap: true, durationTicks: 3000, start: { initVersion: 0 } },
  });
  expect(edge.tracks.get(video)).toMatchObject({ gaps: 1, parts: ["0.0", "0.1", "0.2"] });
});

test("more parts than the limit are an error, not silent loss", () => {
  const queue = new PublishQueue(TRACKS, { bytes: 1000, parts: 1 });
  const [video] = TRACKS as [TrackName];
  queue.pushPart(video, meta(0, 0), new Uint8Array(1), 0);
  expect(() => queue.pushPart(video, meta(0, 1), new Uint8Array(1), 0)).toThrow(PublishQueueError);
});

test("an edge that requests a part that it confirmed as stored is an error", () => {
  const queue = new PublishQueue(TRACKS);
  const edge = new ModelEdge();
  const [video] = TRACKS as [TrackName];
  queue.pushInit(video, 0, new Uint8Array(4));
  for (let i = 0; i < PARTS * 2; i += 1)
    queue.pushPart(video, meta(Math.floor(i / PARTS), i % PARTS), new Uint8Array(10), 0);
  for (let send = queue.nextRequest(video); send !== null; send = queue.nextRequest(video))
    queue.settleRequest(video, edge.take(send));
  edge.store(video);
  queue.applyAnswer(edge.answer().answer, null);
  expect(queue.parts).toBe(PARTS);
  const { answer } = new ModelEdge().answer();
  expect(() => queue.applyAnswer({ ...answer, epoch: "lost" }, video)).toThrow(/confirmed as stored/);
});
