import fc from "fast-check";
import { expect, test } from "vitest";
import type { BroadcastState } from "../../broadcast/broadcast-log.ts";
import type { TrackName } from "../../kit/ids.ts";
import { canonicalQuery, decidePartRequest, decideReload, isReloadSatisfied, parseDirectives } from "./directives.ts";
import { addFixturePart, emptyState, evenPart, fixtureConfig, fixtureTrack } from "./fixtures.ts";

const name = "720p" as TrackName;
const config = fixtureConfig([fixtureTrack(name)], { windowS: 4 });
const cut = { parts: 4, partTicks: 45000, timescale: 90000, startedAtMs: config.startedAtMs };

/** After `count` parts, four a segment, of 0.5 s. */
function after(count: number): BroadcastState {
  let state = emptyState(config);
  for (let i = 0; i < count; i++) state = addFixturePart(state, name, evenPart(cut, i));
  return state;
}

const parse = (query: string) => parseDirectives(new URLSearchParams(query));
const ask = (state: BroadcastState, msn: number, part?: number) =>
  decideReload(state, name, { skip: "none", msn, ...(part === undefined ? {} : { part }) });

test("directives are read and other parameters ignored", () => {
  expect(parse("")).toEqual({ skip: "none" });
  expect(parse("token=x&_HLS_part=2&_HLS_skip=v2&_HLS_msn=07&_HLS_new=1")).toEqual({ msn: 7, part: 2, skip: "v2" });
  expect(parse("_HLS_skip=later")).toEqual({ skip: "none" });
});

test.each([
  "_HLS_msn=-1",
  "_HLS_msn=",
  "_HLS_msn=1.5",
  "_HLS_msn=1e3",
  "_HLS_msn=0x10",
  "_HLS_msn=NaN",
  "_HLS_msn=9999999999999",
  `_HLS_msn=${"9".repeat(10_000)}`,
  "_HLS_msn=1&_HLS_msn=1",
  "_HLS_msn=1&_HLS_part=x",
  "_HLS_msn=1&_HLS_part=1&_HLS_part=2",
  "_HLS_part=0",
  "_HLS_skip=YES&_HLS_skip=YES",
  "_HLS_msn=%D9%A1",
])("the query %.40s is refused with a sentence", (query) => {
  expect(parse(query)).toEqual({ error: expect.stringMatching(/^Send .*\.$/) });
});

test("any query parses to directives or a sentence, and the canonical query parses to the same", () => {
  const key = fc.constantFrom("_HLS_msn", "_HLS_part", "_HLS_skip", "_HLS_x", "a");
  const value = fc.oneof(fc.nat().map(String), fc.constantFrom("YES", "v2"), fc.string());
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value), { maxLength: 5 }), (pairs) => {
      const parsed = parseDirectives(new URLSearchParams(pairs));
      if ("error" in parsed) return;
      expect(parseDirectives(new URLSearchParams(canonicalQuery(parsed)))).toEqual(parsed);
    }),
  );
});

test("the canonical query has a fixed order and no other parameters", () => {
  expect(canonicalQuery({ skip: "none" })).toBe("");
  expect(canonicalQuery({ skip: "YES", part: 0, msn: 0 })).toBe("?_HLS_msn=0&_HLS_part=0&_HLS_skip=YES");
});

test("rule 35: a segment number alone waits for the whole segment", () => {
  expect(ask(after(6), 1)).toEqual({ kind: "wait", msn: 1, part: null });
  expect(ask(after(8), 1)).toEqual({ kind: "now" });
});

test("rule 36: with a part number it waits for that part or a later one", () => {
  expect(ask(after(6), 1, 2)).toEqual({ kind: "wait", msn: 1, part: 2 });
  expect(ask(after(7), 1, 2)).toEqual({ kind: "now" });
  expect(ask(after(12), 1, 2)).toEqual({ kind: "now" });
});

test("rule 37: a part past the last of a closed segment is part 0 of the next", () => {
  expect(ask(after(8), 1, 4)).toEqual({ kind: "wait", msn: 2, part: 0 });
  expect(ask(after(8), 1, 4000)).toEqual({ kind: "wait", msn: 2, part: 0 });
  expect(ask(after(9), 1, 4)).toEqual({ kind: "now" });
});

test("rule 37: a wait for a part of the open segment ends with part 0 of the next, if the segment closes before", () => {
  const wait = { msn: 1, part: 5 };
  expect(ask(after(7), 1, 5)).toEqual({ kind: "wait", ...wait });
  expect(isReloadSatisfied(after(8), name, wait)).toBe(false);
  expect(isReloadSatisfied(after(9), name, wait)).toBe(true);
});

test("rule 38: a removed segment is answered at once", () => {
  const state = after(60);
  expect(state.tracks.get(name)?.mediaSequence).toBe(9);
  expect(ask(state, 0)).toEqual({ kind: "now" });
  expect(ask(state, 0, 999)).toEqual({ kind: "now" });
});

test("rule 39: after the end every directive is answered at once", () => {
  const ended = { ...after(6), ended: true };
  expect(ask(ended, 1000)).toEqual({ kind: "now" });
  expect(ask(ended, 1, 1000)).toEqual({ kind: "now" });
});

test("rule 41: more than two segments past the last is refused", () => {
  expect(ask(after(8), 3)).toEqual({ kind: "wait", msn: 3, part: null });
  expect(ask(after(8), 4)).toMatchObject({ kind: "refuse", status: 400 });
  expect(ask(after(10), 3)).toEqual({ kind: "wait", msn: 3, part: null });
  expect(ask(after(10), 4)).toMatchObject({ kind: "refuse", status: 400 });
  expect(ask(after(0), 1)).toEqual({ kind: "wait", msn: 1, part: null });
  expect(ask(after(0), 2)).toMatchObject({ kind: "refuse", status: 400 });
});

test("rule 42: more than three seconds of parts past the last is refused", () => {
  expect(ask(after(6), 1, 7)).toEqual({ kind: "wait", msn: 1, part: 7 });
  expect(ask(after(6), 1, 8)).toMatchObject({ kind: "refuse", status: 400 });
  expect(ask(after(6), 2, 5)).toEqual({ kind: "wait", msn: 2, part: 5 });
  expect(ask(after(6), 2, 6)).toMatchObject({ kind: "refuse", status: 400 });
  expect(ask(after(0), 0, 5)).toEqual({ kind: "wait", msn: 0, part: 5 });
  expect(ask(after(0), 0, 6)).toMatchObject({ kind: "refuse", status: 400 });
});

test("rule 47: a request waits for the hinted part, and for the part after it, which a newer replica would hint", () => {
  expect(decidePartRequest(after(6), name, 1, 2)).toEqual({ kind: "wait" });
  expect(decidePartRequest(after(6), name, 1, 3)).toEqual({ kind: "wait" });
  expect(decidePartRequest(after(7), name, 2, 0)).toEqual({ kind: "wait" });
  expect(decidePartRequest(after(8), name, 2, 0)).toEqual({ kind: "wait" });
  expect(decidePartRequest(after(0), name, 0, 0)).toEqual({ kind: "wait" });
});

test("rule 49: a part that was never hinted is not found", () => {
  expect(decidePartRequest(after(6), name, 1, 4)).toEqual({ kind: "not-found" });
  expect(decidePartRequest(after(6), name, 0, 4)).toEqual({ kind: "not-found" });
  expect(decidePartRequest(after(8), name, 1, 4)).toEqual({ kind: "not-found" });
  expect(decidePartRequest(after(8), name, 5, 0)).toEqual({ kind: "not-found" });
  expect(decidePartRequest({ ...after(6), ended: true }, name, 1, 2)).toEqual({ kind: "not-found" });
});

test("published parts are ready, and removed ones may be", () => {
  expect(decidePartRequest(after(6), name, 1, 1)).toEqual({ kind: "ready" });
  expect(decidePartRequest(after(60), name, 0, 0)).toEqual({ kind: "ready" });
});

test("a part that was skipped is not found", () => {
  const gap = addFixturePart(after(4), name, { ...evenPart(cut, 4), gap: true }, 0);
  expect(decidePartRequest(gap, name, 1, 0)).toEqual({ kind: "not-found" });
});

test("a wait is satisfied exactly when the request would be answered now", () => {
  const requests = fc.record({ parts: fc.nat(40), msn: fc.nat(12), part: fc.option(fc.nat(10)) });
  fc.assert(
    fc.property(requests, ({ parts, msn, part }) => {
      const state = after(parts);
      const decision = ask(state, msn, part ?? undefined);
      expect(decision.kind === "now").toBe(isReloadSatisfied(state, name, { msn, part }));
      if (decision.kind === "wait") expect(isReloadSatisfied(after(parts + 20), name, decision)).toBe(true);
    }),
  );
});
