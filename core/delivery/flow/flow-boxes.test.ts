import { expect, test } from "vitest";
import type { TrackName } from "../../kit/ids.ts";
import { testInits } from "../../media/cmaf/fixtures.ts";
import { readFragmentTiming } from "../../media/cmaf/fragment-timing.ts";
import { muxInitSections } from "../../media/cmaf/mux-init.ts";
import { withFragmentTrackId, writeClockReference, writeFlowInit } from "./flow-boxes.ts";
import { FLOW_TEST_CONFIG, FLOW_TEST_TRACKS, packageFlowMedia } from "./testing.ts";

const INITS = testInits(FLOW_TEST_CONFIG);
const initOf = (track: TrackName): Uint8Array => INITS.get(track)?.bytes ?? new Uint8Array(0);
const [VIDEO, AUDIO] = [initOf(FLOW_TEST_TRACKS.video), initOf(FLOW_TEST_TRACKS.audio)];

test("fragments of a muxed track keep their ids, also those of its sound alone", () => {
  const muxed = muxInitSections(VIDEO, AUDIO);
  const { bytes, trackIds } = writeFlowInit({ video: muxed, audio: null });
  expect(bytes).toEqual(muxed);
  const sound = packageFlowMedia(1).find(({ kind, track }) => kind === "part" && track === FLOW_TEST_TRACKS.audio);
  const fragment = withFragmentTrackId(new Uint8Array(sound?.bytes ?? []), 2);
  expect(withFragmentTrackId(fragment, trackIds.video)).toBe(fragment);
});

test("the sound of two tracks has the id after the picture's, and its own where it is alone", () => {
  expect(writeFlowInit({ video: VIDEO, audio: AUDIO }).trackIds).toEqual({ video: 1, audio: 2 });
  expect(writeFlowInit({ video: null, audio: AUDIO }).trackIds.audio).toBe(1);
  const part = packageFlowMedia(1).find(({ kind, track }) => kind === "part" && track === FLOW_TEST_TRACKS.audio);
  const renumbered = withFragmentTrackId(new Uint8Array(part?.bytes ?? []), 2);
  expect(readFragmentTiming(renumbered, () => 0).trackId).toBe(2);
});

test("what is no fragment, or a broken one, is sent as it is and has no clock reference", () => {
  const part = packageFlowMedia(1).find(({ kind, track }) => kind === "part" && track === FLOW_TEST_TRACKS.audio);
  const whole = new Uint8Array(part?.bytes ?? []);
  const broken = whole.slice();
  // The size of the first box inside `moof`.
  broken.fill(0xff, 8, 12);
  for (const bytes of [new Uint8Array(0), new Uint8Array(3), new TextEncoder().encode("x".repeat(200)), broken]) {
    expect(withFragmentTrackId(bytes, 7)).toBe(bytes);
    expect(writeClockReference(bytes, 1_700_000_000_000)).toHaveLength(0);
  }
});
