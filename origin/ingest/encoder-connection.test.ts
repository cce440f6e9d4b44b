import { expect, test } from "vitest";
import { parseBanner } from "./encoder-connection.ts";

const banner = (video: string): string =>
  `Input #0, flv, from 'rtmp://0.0.0.0/live/key':\n  Duration: 00:00:00.00, start: 0.000000, bitrate: N/A\n` +
  `  Stream #0:0: Audio: aac (LC), 44100 Hz, stereo, fltp, 128 kb/s\n  Stream #0:1: Video: ${video}\n` +
  "Stream mapping:\n  Stream #0:1 -> #0:0 (copy)\n";

test("size, pixel aspect ratio, rate and audio of a pushed stream are parsed from FFmpeg's log", () => {
  const video = "h264 (High), yuv420p(progressive), 1280x720 [SAR 1:1 DAR 16:9], 2500 kb/s, 29.97 fps, 30 tbr, 1k tbn";
  expect(parseBanner(banner(video))).toMatchObject({
    video: { stream: 0, width: 1280, height: 720, frameRate: { num: 30_000, den: 1001 }, transfer: "sdr" },
    audio: { stream: 1, channels: 2, sampleRate: 44_100 },
    durationS: null,
  });
  expect(parseBanner(banner("h264 (High), yuv420p, 720x576 [SAR 64:45 DAR 16:9], 25 fps, 25 tbr")).video).toMatchObject(
    {
      width: 1024,
      height: 576,
      frameRate: { num: 25, den: 1 },
    },
  );
});

test("a rate that was guessed from timestamps in milliseconds is rounded to a common one", () => {
  expect(parseBanner(banner("h264, yuv420p, 640x360, 31.25 fps, 30 tbr, 1k tbn")).video?.frameRate).toEqual({
    num: 30,
    den: 1,
  });
});

test("interlacing and high dynamic range of a pushed stream are detected", () => {
  const old = "mpeg2video (Main), yuv420p(tv, bt470bg, top first), 720x576 [SAR 64:45 DAR 16:9], 25 fps, 25 tbr";
  expect(parseBanner(banner(old)).video).toMatchObject({ isInterlaced: true, transfer: "sdr", hasMatrix: true });
  const hdr = "hevc (Main 10), yuv420p10le(tv, bt2020nc/bt2020/smpte2084), 1920x1080, 25 fps, 25 tbr";
  expect(parseBanner(banner(hdr)).video).toMatchObject({ isInterlaced: false, transfer: "pq" });
});

test("a stream without video, or with a variable rate, is no error", () => {
  expect(parseBanner(banner("h264, yuv420p, 640x360, 1k tbn")).video).toMatchObject({
    width: 640,
    height: 360,
    frameRate: null,
  });
  expect(parseBanner("Input #0\n Stream #0:0: Audio: aac, 48000 Hz, mono\nStream mapping:").video).toBeNull();
});
