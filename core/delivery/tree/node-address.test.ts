import fc from "fast-check";
import { expect, test } from "vitest";
import { formatNodeAddress, locateSite, type NodeAddress, parseNodeAddress, REGIONS } from "./node-address.ts";

const colo = fc.stringMatching(/^[A-Z]{3}$/);
const region = fc.constantFrom(...REGIONS);
const address: fc.Arbitrary<NodeAddress> = fc.oneof(
  fc.constant({ tier: "live" as const }),
  region.map((region) => ({ tier: "region" as const, region })),
  fc.record({ tier: fc.constant("colo" as const), region, colo, shard: fc.integer({ min: 0, max: 8 }) }),
);

test("a formatted address parses to the same address", () => {
  fc.assert(
    fc.property(address, (one) => {
      expect(parseNodeAddress(formatNodeAddress(one))).toEqual(one);
    }),
  );
});

test("any text that is not an address parses to null", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseNodeAddress(text);
      if (parsed !== null) expect(formatNodeAddress(parsed)).toBe(text);
    }),
  );
  for (const text of [
    "",
    "weur.",
    "weur.FRA",
    "weur.FRA.",
    "weur.fra.0",
    "weur.FRA.0.0",
    "nowhere",
    "weur.FRA.-1",
    "weur.FRA.01",
  ]) {
    expect(parseNodeAddress(text), text).toBeNull();
  }
});

test("a site is read from the platform's request data, and is null without it", () => {
  expect(locateSite(undefined)).toBeNull();
  expect(locateSite({})).toBeNull();
  const regionOf = (colo: string, continent: string, country: string, longitude: string): string | undefined =>
    locateSite({ colo, continent, country, longitude })?.region;
  expect(regionOf("FRA", "EU", "DE", "8.7")).toBe("weur");
  expect(regionOf("WAW", "EU", "PL", "21.0")).toBe("eeur");
  expect(regionOf("SJC", "NA", "US", "-121.9")).toBe("wnam");
  expect(regionOf("EWR", "NA", "US", "-74.2")).toBe("enam");
  expect(regionOf("DXB", "AS", "AE", "55.4")).toBe("me");
  expect(regionOf("NRT", "AS", "JP", "140.4")).toBe("apac");
  expect(regionOf("SYD", "OC", "AU", "151.2")).toBe("oc");
  expect(regionOf("GRU", "SA", "BR", "-46.5")).toBe("sam");
  expect(regionOf("JNB", "AF", "ZA", "28.2")).toBe("afr");
  expect(regionOf("XXX", "??", "??", "nonsense")).toBe("weur");
});
