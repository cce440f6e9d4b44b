import { expect, test } from "vitest";
import { parseRoomBenchOptions, ROOM_BENCH_PARTS, RoomBenchUsageError } from "./options.ts";

const ARGS = {
  viewers: "2000",
  rate: "50",
  sockets: "10000",
  returning: "5000",
  losses: "100",
  seconds: "20",
};

test("all parts are measured by default", () => {
  expect(parseRoomBenchOptions(ARGS)).toMatchObject({ only: ROOM_BENCH_PARTS, viewers: 2_000, perSecond: 50 });
  expect(parseRoomBenchOptions({ ...ARGS, only: "hold,bans" }).only).toEqual(["hold", "bans"]);
});

test.for([
  [{ only: "hold,moon" }, "Unknown part moon"],
  [{ viewers: "0" }, "--viewers"],
  [{ rate: "fast" }, "--rate"],
  [{ sockets: "40000" }, "--sockets"],
  [{ returning: "10000" }, "--returning"],
  [{ losses: "1.5" }, "--losses"],
  [{ seconds: "-2" }, "--seconds"],
] as const)("invalid arguments are refused with the reason: %o", ([over, why]) => {
  expect(() => parseRoomBenchOptions({ ...ARGS, ...over })).toThrow(RoomBenchUsageError);
  expect(() => parseRoomBenchOptions({ ...ARGS, ...over })).toThrow(why);
});
