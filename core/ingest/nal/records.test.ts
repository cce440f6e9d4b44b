import { expect, test } from "vitest";
import { testAvcSets } from "../mpegts/testing.ts";
import { makeAvcRecord, readH264ParameterSetId } from "./h264-nal.ts";
import { makeHevcRecord, readHevcParameterSetId } from "./hevc-nal.ts";

const [SPS, PPS] = testAvcSets();
/** Parameter sets of x265: 320 × 180, Main profile. */
const VPS = Uint8Array.from(Buffer.from("40010c01ffff01600000030090000003000003003c959409", "hex"));
const HEVC_SPS = Uint8Array.from(
  Buffer.from("42010101600000030090000003000003003ca00a080c1f3e595952930bc05a020000030002000003003210", "hex"),
);
const HEVC_PPS = Uint8Array.from(Buffer.from("4401c073c189", "hex"));

test("a record of a profile below High ends with its parameter sets", () => {
  const baseline = SPS.slice();
  baseline[1] = 66;
  const record = makeAvcRecord([baseline], [PPS]);
  expect(record?.byteLength).toBe(6 + 2 + SPS.byteLength + 1 + 2 + PPS.byteLength);
  expect([...(record ?? []).slice(0, 6)]).toEqual([1, 66, 0, 30, 0xff, 0xe1]);
});

test("a record of High profile ends with chroma format and bit depths", () => {
  expect([...(makeAvcRecord([SPS], [PPS]) ?? []).slice(-4)]).toEqual([0xfd, 0xf8, 0xf8, 0]);
});

test("there is no record of H.264 without parameter sets of both kinds, or with broken ones", () => {
  expect(makeAvcRecord([], [PPS])).toBeNull();
  expect(makeAvcRecord([SPS], [])).toBeNull();
  expect(makeAvcRecord([SPS.subarray(0, 3)], [PPS])).toBeNull();
  // Bits end before the chroma format.
  expect(makeAvcRecord([SPS.subarray(0, 4)], [PPS])).toBeNull();
  expect(makeAvcRecord([SPS], [new Uint8Array(65_536)])).toBeNull();
  expect(makeAvcRecord(Array(32).fill(SPS), [PPS])).toBeNull();
});

test("a record of HEVC holds profile, depths and all parameter sets", () => {
  const record = makeHevcRecord({ vps: [VPS], sps: [HEVC_SPS], pps: [HEVC_PPS] });
  expect([...(record ?? []).slice(0, 23)]).toEqual([
    ...[1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 60],
    ...[0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 3],
  ]);
  expect(record?.byteLength).toBe(23 + 3 * 5 + VPS.byteLength + HEVC_SPS.byteLength + HEVC_PPS.byteLength);
});

test("there is no record of HEVC without parameter sets of each kind, or with a broken one", () => {
  expect(makeHevcRecord({ vps: [], sps: [HEVC_SPS], pps: [HEVC_PPS] })).toBeNull();
  expect(makeHevcRecord({ vps: [VPS], sps: [], pps: [HEVC_PPS] })).toBeNull();
  expect(makeHevcRecord({ vps: [VPS], sps: [HEVC_SPS], pps: [] })).toBeNull();
  expect(makeHevcRecord({ vps: [VPS], sps: [HEVC_SPS.subarray(0, 18)], pps: [HEVC_PPS] })).toBeNull();
});

test("ids of parameter sets are read, and those that are cut off have none", () => {
  // ue(v) of 2 is 011.
  expect(readH264ParameterSetId(Uint8Array.of(103, 66, 0, 30, 0b0110_0000))).toBe(2);
  expect(readH264ParameterSetId(Uint8Array.of(104, 0b0110_0000))).toBe(2);
  expect(readH264ParameterSetId(Uint8Array.of(103, 66, 0, 30))).toBeNull();
  expect(readH264ParameterSetId(new Uint8Array(64).fill(104, 0, 1))).toBeNull();
  expect(readHevcParameterSetId(VPS)).toBe(0);
  expect(readHevcParameterSetId(HEVC_SPS)).toBe(0);
  expect(readHevcParameterSetId(HEVC_PPS)).toBe(0);
  expect(readHevcParameterSetId(HEVC_SPS.subarray(0, 10))).toBeNull();
});
