import { expect, test } from "vitest";
import { BadBench, PARTS, parseBench } from "./options.ts";

const ARGS = {
  viewers: "2000",
  rate: "50",
  sockets: "10000",
  returning: "5000",
  losses: "100",
  seconds: "20",
};

test("without a choice everything is measured", () => {
  expect(parseBench(ARGS)).toMatchObject({ only: PARTS, viewers: 2_000, perSecond: 50 });
  expect(parseBench({ ...ARGS, only: "hold,bans" }).only).toEqual(["hold", "bans"]);
});

test.for([
  [{ only: "hold,moon" }, "nothing called moon"],
  [{ viewers: "0" }, "--viewers"],
  [{ rate: "fast" }, "--rate"],
  [{ sockets: "40000" }, "--sockets"],
  [{ returning: "10000" }, "--returning"],
  [{ losses: "1.5" }, "--losses"],
  [{ seconds: "-2" }, "--seconds"],
] as const)("what makes no sense is refused in words: %o", ([over, why]) => {
  expect(() => parseBench({ ...ARGS, ...over })).toThrow(BadBench);
  expect(() => parseBench({ ...ARGS, ...over })).toThrow(why);
});
