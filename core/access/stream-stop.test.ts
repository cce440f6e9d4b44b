import fc from "fast-check";
import { expect, test } from "vitest";
import {
  activeStop,
  mayChangeStop,
  STOP_CATEGORIES,
  type StopAuthority,
  type StreamStop,
  stopHttpStatus,
  toStopNotice,
} from "./stream-stop.ts";

const NOW = 1_800_000_000_000;
const stop: StreamStop = { category: "safety", reason: "No.", untilMs: null, atMs: NOW, authority: "operator" };

test("a stop holds until it expires by itself, or for good", () => {
  expect(activeStop({}, NOW)).toBeNull();
  expect(activeStop({ stop: null }, NOW)).toBeNull();
  expect(activeStop({ stop }, NOW + 1e12)).toBe(stop);
  const short = { ...stop, untilMs: NOW + 60_000 };
  expect(activeStop({ stop: short }, NOW + 59_999)).toBe(short);
  expect(activeStop({ stop: short }, NOW + 60_000)).toBeNull();
});

test("only the operator lifts the operator's stop, whatever hosts do before or after", () => {
  const authorities = fc.constantFrom<StopAuthority>("operator", "host");
  const acts = fc.array(fc.record({ by: authorities, undo: fc.boolean() }));
  fc.assert(
    fc.property(acts, (sequence) => {
      let standing: StreamStop | null = null;
      let operators = false;
      for (const { by, undo } of sequence) {
        if (mayChangeStop(standing, by)) standing = undo ? null : { ...stop, authority: by };
        if (by === "operator") operators = !undo;
        expect(standing?.authority === "operator").toBe(operators);
      }
    }),
  );
});

test("a legal demand is answered 451 and any other stop 410, without the actor's name", () => {
  expect(STOP_CATEGORIES.map(stopHttpStatus)).toEqual([451, 451, 410, 410, 410]);
  expect(toStopNotice({ ...stop, untilMs: NOW })).toEqual({
    category: "safety",
    reason: "No.",
    until: "2027-01-15T08:00:00.000Z",
  });
});
