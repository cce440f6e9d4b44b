import { expect, test } from "vitest";
import { parseProbe } from "./probe.ts";

const video = { codec_type: "video", width: 1920, height: 1080, avg_frame_rate: "30000/1001" };

test("size, rate, sound and length are read", () => {
  const json = {
    streams: [video, { codec_type: "audio", channels: 6, sample_rate: "44100" }],
    format: { duration: "12.5" },
  };
  expect(parseProbe(JSON.stringify(json))).toEqual({
    video: { width: 1920, height: 1080, frameRate: { num: 30_000, den: 1001 } },
    audio: { channels: 6, sampleRate: 44_100 },
    durationS: 12.5,
  });
});

test("turned pictures and pixels that are not square are seen as they are shown", () => {
  const turned = { ...video, side_data_list: [{ rotation: -90 }] };
  expect(parseProbe(JSON.stringify({ streams: [turned] })).video).toMatchObject({ width: 1080, height: 1920 });
  const wide = { ...video, width: 720, height: 576, sample_aspect_ratio: "64:45" };
  expect(parseProbe(JSON.stringify({ streams: [wide] })).video).toMatchObject({ width: 1024, height: 576 });
});

test("cover art is no picture, and sources without a length are live", () => {
  const art = { ...video, disposition: { attached_pic: 1 } };
  const info = parseProbe(JSON.stringify({ streams: [art, { codec_type: "audio" }], format: {} }));
  expect(info).toMatchObject({ video: null, audio: { channels: 2 }, durationS: null });
});

test("rates that are no rates are null", () => {
  const odd = { ...video, avg_frame_rate: "0/0", r_frame_rate: "0/0" };
  expect(parseProbe(JSON.stringify({ streams: [odd] })).video?.frameRate).toBeNull();
});
