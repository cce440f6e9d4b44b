import { expect, test } from "vitest";
import { renderReport } from "../report.ts";
import type { LoadResult, LoadSample } from "../run.ts";
import { k6ScriptOf, type Scenario } from "../scenarios.ts";
import { roomFigures } from "./room-figures.ts";

const SAMPLE: LoadSample = {
  atS: 1,
  tiers: [],
  viewers: 0,
  children: 0,
  memoryBytes: 1e8,
  cpu: 100,
  fault: "",
  room: { calls: 40, watching: 10, likes: 70, shards: 2 },
  over: false,
};

/** A run of ten clients with the given counters of k6, by their names without `room_`. */
function run(scenario: Scenario, counters: Readonly<Record<string, number>>, likesTold = 0): LoadResult {
  const metrics = Object.fromEntries(
    Object.entries(counters).map(([name, count]) => [`room_${name}`, { values: { count } }]),
  );
  return {
    options: {
      scenario,
      viewers: 10,
      seconds: 20,
      colos: 2,
      regions: 1,
      isolates: 1,
      latencyMs: 0,
      shape: { partMs: 1_000, partsPerSegment: 2, tracks: { av: 1_000 } },
      faults: [],
      failOnStalls: true,
      target: null,
    },
    began: "2026-11-24T12:00:00.000Z",
    samples: [SAMPLE, { ...SAMPLE, atS: 2, room: { calls: 501, watching: 10, likes: 70, shards: 2 } }],
    k6: { metrics: { ...metrics, room_likes_told: { values: { max: likesTold } } } },
    k6Failed: false,
    publisherRetries: 0,
  };
}

const notMet = (result: LoadResult): string[] =>
  roomFigures(result).flatMap(({ figure, met }) => (met === false ? [figure] : []));

test("a clean run meets every goal except the number of calls", () => {
  expect(notMet(run("chat-storm", {}))).toEqual(["calls to the room object in its peak second"]);
});

test.for([
  ["not_welcomed", "welcomed to the room"],
  ["duplicates", "repeated"],
  ["disorders", "out of order"],
  ["resets", "after a lost position"],
  ["own_missing", "missing at their senders"],
  ["unanswered", "without an acknowledgement"],
])("one of %s fails a goal", ([name = "", figure = ""]) => {
  expect(notMet(run("chat-storm", { [name]: 1 })).some((each) => each.includes(figure))).toBe(true);
});

test("in a reconnect storm every client must lose a socket and reconnect", () => {
  const lost = "viewers that lost their socket in the deployment, and reconnected";
  expect(notMet(run("reconnect-storm", { losses: 10, backs: 10 }))).not.toContain(lost);
  expect(notMet(run("reconnect-storm", { losses: 10, backs: 9 }))).toContain(lost);
  expect(notMet(run("reconnect-storm", {}))).toContain(lost);
});

test("counted likes must equal sent likes", () => {
  const likes = "likes counted at the end ÷ likes sent";
  expect(notMet(run("likes-storm", { taps: 70 }, 70))).not.toContain(likes);
  expect(notMet(run("likes-storm", { taps: 71 }, 70))).toContain(likes);
});

test("the report of a run without chat has no room section", () => {
  expect(roomFigures(run("spike", {}))).toEqual([]);
  expect(renderReport(run("spike", {}), [])).not.toContain("Room:");
});

test("a room report charts its calls, and video only if there was any", () => {
  const page = renderReport(run("chat-storm", {}), roomFigures(run("chat-storm", {})));
  expect(page).toContain("calls to the room object");
  expect(page).toContain("501");
  expect(page).not.toContain("Hit ratio");
  const mixed = renderReport(run("mixed", {}), []);
  expect(mixed).toContain("Hit ratio");
  expect(mixed).toContain("calls to the room object");
});

test("each scenario has its script", () => {
  expect((["spike", "chat-storm", "mixed"] as const).map(k6ScriptOf)).toEqual(["viewer.ts", "room.ts", "mixed.ts"]);
});
