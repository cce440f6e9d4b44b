import fc from "fast-check";
import { expect, test } from "vitest";
import { prefersGzip } from "./accept-encoding.ts";

test("gzip is sent where accepted, in any name, case and weight", () => {
  for (const header of [
    "gzip",
    "GZIP",
    "x-gzip",
    "X-Gzip",
    "*",
    "gzip, deflate, br, zstd",
    "br;q=1.0, gzip;q=0.8, *;q=0.1",
    "gzip;q=0.001",
    "gzip ; q=0.5",
    "deflate,\tgzip;q=1.000",
    "identity;q=0.5, gzip;q=0.5",
    "identity;q=0, *",
    "*;q=0.5",
    "gzip;q=0, x-gzip",
    ", gzip,",
  ]) {
    expect(prefersGzip(header), header).toBe(true);
  }
});

test("gzip that is not requested, is excluded or has a lower weight is not sent", () => {
  for (const header of [
    null,
    "",
    " ",
    "identity",
    "br",
    "gzip;q=0",
    "gzip;q=0.000",
    "x-gzip;q=0",
    "identity;q=1, gzip;q=0",
    "identity;q=1, gzip;q=0.5",
    "gzip;q=0.5, *;q=1",
    "*;q=0",
    "gzip;q=0, *",
    "gzipped",
    "not-gzip",
    "gzip;q=2",
    "gzip;q=x",
    "gzip;level=9",
    "gzip;q=0.1234",
  ]) {
    expect(prefersGzip(header), String(header)).toBe(false);
  }
});

test("neither order, case nor spaces change the result, and no header makes it throw", () => {
  const coding = fc.constantFrom("gzip", "br", "deflate", "identity", "*", "zstd");
  const weight = fc.integer({ min: 0, max: 1_000 }).map((thousandths) => (thousandths / 1_000).toFixed(3));
  const members = fc.uniqueArray(fc.tuple(coding, weight), { selector: ([name]) => name, minLength: 1 });
  fc.assert(
    fc.property(members, fc.boolean(), (listed, upper) => {
      const plain = listed.map(([name, q]) => `${name};q=${q}`).join(",");
      const other = listed
        .toReversed()
        .map(([name, q]) => `\t${name} ; q=${q} `)
        .join(" , ");
      expect(prefersGzip(upper ? other.toUpperCase() : other)).toBe(prefersGzip(plain));
    }),
  );
  fc.assert(fc.property(fc.string(), (header) => typeof prefersGzip(header) === "boolean"));
});
