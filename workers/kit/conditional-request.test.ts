import fc from "fast-check";
import { expect, test } from "vitest";
import { computeLastModifiedMs, isNotModified } from "./conditional-request.ts";

const AT = Date.parse("Sun, 29 Nov 2026 16:38:13 GMT");
const state = { etag: '"abc"', changedMs: AT + 700 };
const asked = (headers: Record<string, string>): boolean => isNotModified(new Headers(headers), state);

test("a request that names the current tag is not modified", () => {
  expect(asked({})).toBe(false);
  for (const tags of ['"abc"', 'W/"abc"', '"x", "abc"', '"x",W/"abc"', "*"]) {
    expect(asked({ "if-none-match": tags }), tags).toBe(true);
  }
  for (const tags of ['"abcd"', "abc", "", '"x*"']) expect(asked({ "if-none-match": tags }), tags).toBe(false);
  expect(asked({ "if-modified-since": "Sun, 29 Nov 2026 16:38:13 GMT" })).toBe(true);
  expect(asked({ "if-modified-since": "Sun, 29 Nov 2026 16:38:14 GMT" })).toBe(true);
  expect(asked({ "if-modified-since": "Sun, 29 Nov 2026 16:38:12 GMT" })).toBe(false);
  expect(asked({ "if-modified-since": "yesterday" })).toBe(false);
});

test("If-None-Match takes precedence over If-Modified-Since", () => {
  const since = new Date(AT + 60_000).toUTCString();
  expect(asked({ "if-none-match": '"other"', "if-modified-since": since })).toBe(false);
  expect(asked({ "if-none-match": '"abc"', "if-modified-since": new Date(0).toUTCString() })).toBe(true);
});

test("a client that asks with the received time gets every later version, however soon, and none twice", () => {
  const moment = fc.integer({ min: AT, max: AT + 5_000 });
  fc.assert(
    fc.property(fc.array(moment, { minLength: 1, maxLength: 20 }), moment, moment, (changes, one, other) => {
      const changed = changes.toSorted((a, b) => a - b);
      const [firstMs, nextMs] = [Math.min(one, other), Math.max(one, other)];
      const stateAt = (ms: number): number => changed.findLast((change) => change <= ms) ?? AT - 10_000;
      const told = computeLastModifiedMs(stateAt(firstMs), firstMs);
      const not = isNotModified(new Headers({ "if-modified-since": new Date(told).toUTCString() }), {
        etag: '""',
        changedMs: stateAt(nextMs),
      });
      if (not) expect(stateAt(nextMs)).toBe(stateAt(firstMs));
      const long = Math.floor(stateAt(firstMs) / 1_000) < Math.floor(firstMs / 1_000);
      if (long && stateAt(nextMs) === stateAt(firstMs)) expect(not).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
