import { expect, test } from "vitest";
import type { WatchTrack } from "../status.ts";
import { chooseFlowTracks } from "./flow-tracks.ts";

const track = (kind: "video" | "audio", name: string, codecs: string, bandwidth: number): WatchTrack => ({
  ...{ kind, name, codecs, bandwidth, partTargetMs: 200 },
});

const VIDEOS = [track("video", "720p", "avc1.64001f", 2e6), track("video", "360p", "avc1.64001e", 7e5)];
const all = (): boolean => true;

test("renditions are in ascending order, with the bandwidth of the sound", () => {
  expect(chooseFlowTracks([...VIDEOS, track("audio", "audio", "mp4a.40.2", 1e5)], all)).toEqual({
    rungs: [
      { name: "360p", bandwidth: 8e5 },
      { name: "720p", bandwidth: 2.1e6 },
    ],
    audio: "audio",
    hasSound: true,
  });
});

test("renditions with the sound inside are asked for without an audio track", () => {
  const muxed = VIDEOS.map((video) => ({ ...video, codecs: `${video.codecs},mp4a.40.2` }));
  expect(chooseFlowTracks(muxed, all)).toMatchObject({ audio: null, hasSound: true });
  expect(chooseFlowTracks(VIDEOS, all)).toMatchObject({ audio: null, hasSound: false });
});

test("renditions of codecs that the browser lacks are left out; without pictures, or without the sound, there is nothing", () => {
  const hevc = track("video", "1080p", "hvc1.1.6.L120.90", 4e6);
  const opus = track("audio", "audio", "opus", 1e5);
  const without = (codec: string) => (type: string) => !type.includes(codec);
  expect(chooseFlowTracks([...VIDEOS, hevc], without("hvc1"))?.rungs.map(({ name }) => name)).toEqual(["360p", "720p"]);
  expect(chooseFlowTracks([hevc], without("hvc1"))).toBeNull();
  expect(chooseFlowTracks([...VIDEOS, opus], without("opus"))).toBeNull();
});
