import { expect, test } from "vitest";
import { fixtureConfig, fixtureTrack } from "./fixtures.ts";
import { renderMultivariant } from "./multivariant-playlist.ts";

const video = fixtureTrack("720p");
const small = fixtureTrack("360p", {
  width: 640,
  height: 360,
  frameRate: 29.97,
  bandwidth: 800_000,
  averageBandwidth: 600_000,
});
const audio = fixtureTrack("audio", { kind: "audio", bandwidth: 140_000, averageBandwidth: 128_000, language: "en" });

test("variants include the audio group's rates and codecs", () => {
  const text = renderMultivariant(fixtureConfig([video, small, audio]), { ended: false, iframes: true, of: "stream" });
  expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,LANGUAGE="en",CHANNELS="2",URI="b0000001/audio/media.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2640000,AVERAGE-BANDWIDTH=2128000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="audio"
b0000001/720p/media.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=940000,AVERAGE-BANDWIDTH=728000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio"
b0000001/360p/media.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=2500000,AVERAGE-BANDWIDTH=2000000,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="b0000001/720p/iframes.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=800000,AVERAGE-BANDWIDTH=600000,CODECS="avc1.64001f",RESOLUTION=640x360,URI="b0000001/360p/iframes.m3u8"
`);
});

test("an ended broadcast points at its VOD playlists", () => {
  const text = renderMultivariant(fixtureConfig([video, audio]), { ended: true, iframes: true, of: "stream" });
  expect(text).toContain("b0000001/720p/vod.m3u8");
  expect(text).toContain('URI="b0000001/audio/vod.m3u8"');
  expect(text).toContain('URI="b0000001/720p/vod-iframes.m3u8"');
  expect(text).not.toContain("media.m3u8");
});

test("under a broadcast's address the tracks are relative to the broadcast", () => {
  const config = fixtureConfig([video, audio]);
  const own = renderMultivariant(config, { ended: true, iframes: true, of: "broadcast" });
  expect(own).toContain("\n720p/vod.m3u8\n");
  expect(renderMultivariant(config, { ended: true, iframes: true, of: "stream" }).replaceAll("b0000001/", "")).toBe(
    own,
  );
});

test("audio without video is a variant of its own, not a group", () => {
  const text = renderMultivariant(fixtureConfig([audio]), { ended: false, iframes: true, of: "stream" });
  expect(text).toContain('#EXT-X-STREAM-INF:BANDWIDTH=140000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2"\n');
  expect(text).not.toContain("EXT-X-MEDIA:");
  expect(text).not.toContain("I-FRAME");
});

test("muxed video names both codecs and no audio group, and its I-frame playlist names video only", () => {
  const carrier = { ...video, codecs: "avc1.64001f,mp4a.40.2", channels: 2, sampleRate: 48_000 };
  const text = renderMultivariant(fixtureConfig([carrier]), { ended: false, iframes: true, of: "stream" });
  expect(text).toContain('CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000\n');
  expect(text).toContain('CODECS="avc1.64001f",RESOLUTION=1280x720,URI="b0000001/720p/iframes.m3u8"');
  expect(text).not.toContain("AUDIO");
});

const opus = { codecs: "opus", bandwidth: 110_000, averageBandwidth: 100_000 };

test("sound in two codecs is two groups with the same members; every variant is listed with each, AAC first", () => {
  const original = fixtureTrack("audio", { kind: "audio", ...opus });
  const aac = fixtureTrack("audio-aac", { kind: "audio", bandwidth: 140_000, averageBandwidth: 128_000 });
  const text = renderMultivariant(fixtureConfig([video, small, original, aac]), {
    ended: false,
    iframes: true,
    of: "stream",
  });
  expect(
    text
      .split("\n")
      .filter((line) => !line.startsWith("#EXT-X-I-FRAME"))
      .join("\n"),
  ).toBe(`#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-mp4a",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="b0000001/audio-aac/media.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-opus",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="b0000001/audio/media.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2640000,AVERAGE-BANDWIDTH=2128000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="audio-mp4a"
b0000001/720p/media.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=940000,AVERAGE-BANDWIDTH=728000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio-mp4a"
b0000001/360p/media.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2610000,AVERAGE-BANDWIDTH=2100000,CODECS="avc1.64001f,opus",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="audio-opus"
b0000001/720p/media.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=910000,AVERAGE-BANDWIDTH=700000,CODECS="avc1.64001f,opus",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio-opus"
b0000001/360p/media.m3u8
`);
  expect(text.match(/#EXT-X-I-FRAME-STREAM-INF/g)).toHaveLength(2);
});

test("sound without a picture in two codecs is a variant each, AAC first", () => {
  const tracks = [fixtureTrack("audio", { kind: "audio", ...opus }), fixtureTrack("audio-aac", { kind: "audio" })];
  const uris = renderMultivariant(fixtureConfig(tracks), { ended: false, iframes: true, of: "stream" })
    .split("\n")
    .filter((line) => line.startsWith("b0"));
  expect(uris).toEqual(["b0000001/audio-aac/media.m3u8", "b0000001/audio/media.m3u8"]);
});

test("codecs with different numbers of tracks cannot be groups of the same members: they are one group", () => {
  const tracks = [
    video,
    audio,
    fixtureTrack("audio-2", { kind: "audio", ...opus }),
    fixtureTrack("audio-3", { kind: "audio", ...opus }),
  ];
  const text = renderMultivariant(fixtureConfig(tracks), { ended: false, iframes: false, of: "stream" });
  expect(text.match(/GROUP-ID="audio"/g)).toHaveLength(3);
  expect(text).toContain('CODECS="avc1.64001f,mp4a.40.2,opus"');
});

test("video without audio names no group", () => {
  expect(renderMultivariant(fixtureConfig([video]), { ended: false, iframes: false, of: "stream" })).not.toContain(
    "AUDIO=",
  );
});

test("a quote or line break in a codec string cannot leave its attribute", () => {
  const odd = fixtureTrack("odd", { codecs: 'avc1"\n#EXT-X-ENDLIST' });
  const text = renderMultivariant(fixtureConfig([odd]), { ended: false, iframes: false, of: "stream" });
  expect(text).toContain('CODECS="avc1#EXT-X-ENDLIST"');
});
