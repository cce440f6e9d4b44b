import { expect, test } from "vitest";
import { selectTracks } from "./select-tracks.ts";
import type { SourceInfo } from "./source-info.ts";

const DECODABLE = new Set(["h264", "mjpeg", "aac", "mpeg2video", "hevc"]);
const video = {
  index: 0,
  codec_type: "video",
  codec_name: "h264",
  width: 1920,
  height: 1080,
  avg_frame_rate: "30000/1001",
};
const audio = { index: 1, codec_type: "audio", codec_name: "aac", channels: 6, sample_rate: "44100" };

const select = (streams: readonly object[], more: object = {}): SourceInfo =>
  selectTracks(JSON.stringify({ streams, ...more }), DECODABLE);

test("size, rate, audio and duration are parsed", () => {
  expect(select([video, audio], { format: { duration: "12.5", format_name: "mov,mp4" } })).toMatchObject({
    video: { stream: 0, width: 1920, height: 1080, frameRate: { num: 30_000, den: 1001 }, isInterlaced: false },
    audio: { stream: 1, channels: 6, sampleRate: 44_100 },
    durationS: 12.5,
    mayJump: false,
  });
});

test("rotated pictures and pixels that are not square have the displayed size", () => {
  const turned = { ...video, side_data_list: [{ rotation: -90 }] };
  expect(select([turned]).video).toMatchObject({ width: 1080, height: 1920 });
  const wide = { ...video, width: 720, height: 576, sample_aspect_ratio: "64:45" };
  expect(select([wide]).video).toMatchObject({ width: 1024, height: 576 });
});

test("covers and thumbnails are not selected in any position, and sources without a duration are live", () => {
  const art = { ...video, codec_name: "mjpeg", disposition: { attached_pic: 1 } };
  const info = select([art, audio], { format: {} });
  expect(info).toMatchObject({ video: null, audio: { channels: 6 }, durationS: null });
  expect(select([art, { ...video, index: 3, width: 640, height: 360 }]).video).toMatchObject({ stream: 3, width: 640 });
});

test("chapters, subtitles, data and attachments are ignored", () => {
  const others = ["subtitle", "data", "attachment"].map((codec_type, i) => ({ index: i, codec_type }));
  expect(select([...others, { ...video, index: 7 }])).toMatchObject({
    video: { stream: 7 },
    audio: null,
    warnings: [],
  });
});

test("invalid rates are null", () => {
  expect(select([{ ...video, avg_frame_rate: "0/0", r_frame_rate: "0/0" }]).video?.frameRate).toBeNull();
});

test("the default track is selected, and commentary only where there is no other audio", () => {
  const marked = { ...audio, index: 2, disposition: { default: 1 } };
  expect(select([video, audio, marked]).audio?.stream).toBe(2);
  const comment = { ...audio, disposition: { default: 1, comment: 1 } };
  expect(select([video, comment, { ...audio, index: 2 }]).audio?.stream).toBe(2);
  expect(select([video, comment]).audio?.stream).toBe(1);
});

test("of several programs the largest picture is selected with its own audio", () => {
  const streams = [video, audio, { ...video, index: 2, width: 3840, height: 2160 }, { ...audio, index: 3 }];
  const programs = [{ streams: [{ index: 0 }, { index: 1 }] }, { streams: [{ index: 2 }, { index: 3 }] }];
  expect(select(streams, { programs })).toMatchObject({ video: { stream: 2 }, audio: { stream: 3 } });
});

test("undecodable tracks are skipped with a warning that names them, and other audio is selected", () => {
  const unknown = { index: 1, codec_type: "audio", codec_tag_string: "ac-4", channels: 2 };
  const info = select([video, unknown]);
  expect(info).toMatchObject({ video: { stream: 0 }, audio: null });
  expect(info.warnings).toEqual(["This FFmpeg cannot decode the sound (track 1, ac-4); it is skipped."]);
  expect(select([video, unknown, { ...audio, index: 2 }])).toMatchObject({ audio: { stream: 2 }, warnings: [] });
});

test("a video track that is announced but not yet seen is selected with a warning", () => {
  expect(
    selectTracks(JSON.stringify({ streams: [{ ...video, width: 0, height: 0 }, audio] }), DECODABLE),
  ).toMatchObject({
    video: null,
    isUndecided: true,
  });
  expect(selectTracks(JSON.stringify({ streams: [audio] }), DECODABLE).isUndecided).toBe(false);
});

test("interlacing, high dynamic range and missing colour tags are detected", () => {
  expect(select([{ ...video, field_order: "tt" }]).video?.isInterlaced).toBe(true);
  expect(select([{ ...video, field_order: "progressive" }]).video?.isInterlaced).toBe(false);
  expect(select([{ ...video, color_transfer: "smpte2084", color_space: "bt2020nc" }]).video).toMatchObject({
    transfer: "pq",
    hasMatrix: true,
  });
  expect(select([{ ...video, color_transfer: "arib-std-b67" }]).video?.transfer).toBe("hlg");
  expect(select([video]).video?.hasMatrix).toBe(false);
});

test("a transmission's clock may jump, and a file's index states the end of its last picture", () => {
  expect(select([video], { format: { format_name: "mpegts" } }).mayJump).toBe(true);
  const indexed = { ...video, start_time: "0.5", duration: "9.5" };
  expect(select([indexed], { format: { format_name: "mov,mp4,m4a" } }).video?.endS).toBe(10);
  expect(select([indexed], { format: { format_name: "flv" } }).video?.endS).toBeNull();
});
