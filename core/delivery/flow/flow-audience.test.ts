import { expect, test } from "vitest";
import { Replica } from "../../broadcast/replica.ts";
import { TailBuffer } from "../../broadcast/tail-buffer.ts";
import { makeTestConfig } from "../../broadcast/testing.ts";
import { testInit } from "../../media/cmaf/fixtures.ts";
import { FLOW_LIMITS } from "../node-limits.ts";
import { FlowAudience, type FlowPlace } from "./flow-audience.ts";
import { FlowLoad } from "./flow-load.ts";
import { FLOW_START } from "./flow-reader.ts";
import { FLOW_TEST_TRACKS } from "./testing.ts";

const { video } = FLOW_TEST_TRACKS;
const REQUEST = { video, audio: null, join: "latest" } as const;

/** A replica of one segment of `parts` parts of `bytes` each. */
function makeReplica(parts: number, bytes: number): Replica {
  const track = { name: video, kind: "video", codecs: "x", timescale: 90_000, partTargetMs: 100 } as const;
  const config = makeTestConfig({ tracks: [{ ...track, bandwidth: 1, averageBandwidth: 1 }] });
  const replica = new Replica("epoch", config, new TailBuffer(1e9));
  const init = testInit("video", 90_000);
  replica.appendEntry({ kind: "init", track: video, version: 1, byteLength: init.byteLength }, init);
  const start = { programTimeMs: config.startedAtMs, initVersion: 1, discontinuity: false };
  for (let part = 0; part < parts; part += 1) {
    const meta = {
      msn: 0,
      part,
      durationTicks: 3_000,
      independent: true,
      gap: false,
      ...(part === 0 ? { start } : {}),
    };
    replica.appendEntry({ kind: "part", track: video, meta, byteLength: bytes }, new Uint8Array(bytes));
  }
  return replica;
}

const enter = (audience: FlowAudience, network: string): ReturnType<FlowAudience["enter"]> =>
  audience.enter(network, 0, () => {});

const sumOf = (streams: readonly FlowAudience[]): number => streams.reduce((sum, { viewers }) => sum + viewers, 0);

test("viewers at one position share the bytes, until the replica changes", () => {
  const audience = new FlowAudience(new FlowLoad(), () => {});
  const replica = makeReplica(2, 1_000);
  const first = audience.read(REQUEST, FLOW_START, replica);
  expect(audience.read(REQUEST, FLOW_START, replica).bytes).toBe(first.bytes);
  replica.appendEntry({ kind: "end" }, null);
  expect(audience.read(REQUEST, FLOW_START, replica).bytes).not.toBe(first.bytes);
});

test("what viewers at many positions read is kept up to a bound, the oldest is read anew", () => {
  const audience = new FlowAudience(new FlowLoad(), () => {});
  const replica = makeReplica(1, FLOW_LIMITS.sharedBytes / 4);
  const cursor = audience.read(REQUEST, FLOW_START, replica).cursor;
  if (cursor.kind !== "reading" || cursor.video === null) throw new Error("nothing was read");
  const { video: at } = cursor;
  const positions = Array.from({ length: 8 }, (_, viewer) => ({
    ...cursor,
    video: { ...at, part: 0, trackId: viewer + 1 },
  }));
  const reads = positions.map((position) => audience.read(REQUEST, position, replica).bytes);
  expect(audience.read(REQUEST, { ...(positions[7] ?? cursor) }, replica).bytes === reads[7]).toBe(true);
  expect(audience.read(REQUEST, positions[0] ?? cursor, replica).bytes === reads[0]).toBe(false);
});

test("what a position lacks is looked for once, until the replica changes: also by bytes that come after their entry", () => {
  const audience = new FlowAudience(new FlowLoad(), () => {});
  const replica = makeReplica(2, 1_000);
  const { cursor } = audience.read(REQUEST, FLOW_START, replica);
  const nothing = audience.read(REQUEST, cursor, replica);
  expect(nothing.bytes).toBeNull();
  expect(audience.read(REQUEST, cursor, replica)).toBe(nothing);
  const meta = { msn: 0, part: 2, durationTicks: 3_000, independent: true, gap: false };
  replica.appendEntry({ kind: "part", track: video, meta, byteLength: 1_000 }, null);
  expect(audience.read(REQUEST, cursor, replica).bytes).toBeNull();
  replica.storeLateBytes(video, 0, 2, new Uint8Array(1_000));
  expect(audience.read(REQUEST, cursor, replica).bytes?.byteLength).toBeGreaterThanOrEqual(1_000);
});

test("one network holds its share of the isolate's places, in however many streams", () => {
  const load = new FlowLoad();
  const streams = Array.from({ length: 5 }, () => new FlowAudience(load, () => {}));
  const places = streams.flatMap((audience) => {
    const taken: FlowPlace[] = [];
    for (let place = enter(audience, "a"); typeof place !== "string"; place = enter(audience, "a")) taken.push(place);
    return taken;
  });
  expect(places.length).toBeGreaterThanOrEqual(FLOW_LIMITS.viewersPerNetwork);
  expect(places.length).toBeLessThan(FLOW_LIMITS.viewers / 4);
  expect([places.length, load.viewers]).toEqual([load.viewers, sumOf(streams)]);
  for (const audience of streams) expect(enter(audience, "b")).toBeTypeOf("object");
  for (const place of places) place.leave();
  expect([load.viewers, sumOf(streams)]).toEqual([5, 5]);
  for (const audience of streams) expect(enter(audience, "a")).toBeTypeOf("object");
});
