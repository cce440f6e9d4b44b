import { expect, test } from "vitest";
import type { TrackName } from "../../core/kit/ids.ts";
import type { InitInfo } from "../../core/media/cmaf/frame.ts";
import type { SourceInfo } from "../ingest/source-info.ts";
import { testSourceInfo } from "../testing/source-info.ts";
import { DEFAULT_LADDER, planRenditions } from "./ladder.ts";
import { PRESETS } from "./presets.ts";
import { announcedTracks } from "./tracks.ts";

const SOURCE = testSourceInfo(854, 480);

function tracks(source: SourceInfo, muxed: boolean) {
  const renditions = planRenditions(source, DEFAULT_LADDER);
  const inits = new Map<TrackName, { info: InitInfo }>();
  for (const { name, kind, timescale } of renditions)
    inits.set(name, { info: { kind, timescale, codecs: kind === "video" ? "avc1.64001e" : "mp4a.40.2" } });
  return announcedTracks({ renditions, preset: PRESETS.balanced }, inits, new Map(), muxed);
}

test("a muxed track is announced with both codecs, the audio's properties and both bandwidths", () => {
  const [large, small, sound] = tracks(SOURCE, false);
  const muxed = tracks(SOURCE, true);
  expect(muxed.map(({ name, kind }) => `${kind} ${name}`)).toEqual(["video 480p", "video 360p"]);
  expect(muxed[0]).toEqual({
    ...large,
    codecs: "avc1.64001e,mp4a.40.2",
    channels: 2,
    sampleRate: 48_000,
    bandwidth: (large?.bandwidth ?? 0) + (sound?.bandwidth ?? 0),
    averageBandwidth: (large?.averageBandwidth ?? 0) + (sound?.averageBandwidth ?? 0),
  });
  expect(muxed[1]).toMatchObject({ width: small?.width, timescale: small?.timescale });
});

test("a source with video or audio alone has nothing to mux", () => {
  for (const source of [
    { ...SOURCE, audio: null },
    { ...SOURCE, video: null },
  ])
    expect(tracks(source, true)).toEqual(tracks(source, false));
});
