import fc from "fast-check";
import { expect, test } from "vitest";
import { BoundedMap } from "./bounded-map.ts";

const key = fc.integer({ min: 0, max: 30 });
const step = fc.oneof(
  fc.record({ kind: fc.constant("get" as const), key }),
  fc.record({ kind: fc.constant("set" as const), key, value: fc.integer() }),
  fc.record({ kind: fc.constant("delete" as const), key }),
);

test("the bound holds, the recently used half stays, and a value is the one set last", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.array(step, { maxLength: 300 }), (maxEntries, steps) => {
      const map = new BoundedMap<number, number>(maxEntries);
      const written = new Map<number, number>();
      /** Keys in order of last use, the latest last. */
      let used: number[] = [];
      for (const each of steps) {
        const others = used.filter((other) => other !== each.key);
        if (each.kind === "set") {
          map.set(each.key, each.value);
          written.set(each.key, each.value);
          used = [...others, each.key];
        } else if (each.kind === "delete") {
          const isCertain = used.slice(-Math.floor(maxEntries / 2)).includes(each.key);
          expect(map.delete(each.key) || !isCertain).toBe(true);
          written.delete(each.key);
          used = others;
        } else {
          const isCertain = used.slice(-Math.floor(maxEntries / 2)).includes(each.key);
          const value = map.get(each.key);
          if (isCertain || value !== undefined) expect(value).toBe(written.get(each.key));
          used = value === undefined ? others : [...others, each.key];
        }
        expect(map.size).toBeLessThanOrEqual(maxEntries);
      }
      map.clear();
      expect([map.size, ...used.map((each) => map.get(each))]).toEqual([0, ...used.map(() => undefined)]);
    }),
  );
});

test("a flood of keys used once evicts no key in use", () => {
  const map = new BoundedMap<string, number>(10);
  map.set("hot", 1);
  for (let i = 0; i < 1_000; i += 1) {
    map.set(`flood-${i}`, i);
    expect(map.get("hot")).toBe(1);
  }
});

test("null is a value", () => {
  const map = new BoundedMap<string, null>(2);
  map.set("a", null);
  expect([map.get("a"), map.get("b")]).toEqual([null, undefined]);
});

test("a bound below two entries is refused", () => {
  expect(() => new BoundedMap(1)).toThrow(RangeError);
  expect(() => new BoundedMap(Number.NaN)).toThrow(RangeError);
});
