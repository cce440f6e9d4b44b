import { expect, test } from "vitest";
import { testSourceInfo } from "../testing/source-info.ts";
import { chooseEncoders, type EncoderChoice, type EncoderMachine } from "./choose-encoders.ts";
import { type EncoderFamily, parseEncoderFamily } from "./encoder-families.ts";
import { parseLadderFlags, planRenditions } from "./ladder.ts";
import { PRESETS } from "./presets.ts";

const SOFTWARE = ["libx264", "libx265", "libaom-av1", "libsvtav1"];
const HARDWARE = ["h264_nvenc", "hevc_nvenc", "h264_qsv", "h264_vaapi", "h264_videotoolbox"];

interface Trials {
  /** Ids whose trial succeeds. */
  readonly working?: readonly string[];
  readonly listed?: readonly string[];
  readonly platform?: NodeJS.Platform;
  readonly ladder?: string;
  readonly preset?: keyof typeof PRESETS;
}

/** Chooses on a machine on which `working` encoders work; `tried` gets the ids in order. */
function choose(family: EncoderFamily, trials: Trials = {}, tried: string[] = []): Promise<EncoderChoice> {
  const {
    working = [],
    listed = [...SOFTWARE, ...HARDWARE],
    platform = "linux",
    ladder = "720p:2M,360p:500k",
    preset = "balanced",
  } = trials;
  const machine: EncoderMachine = {
    platform,
    listed: new Set(listed),
    hasDevice: () => true,
    tryEncode: ({ encoders }) => {
      const ids = Object.values(encoders);
      tried.push(ids.join("+"));
      return Promise.resolve(ids.every((id) => working.includes(id)) ? null : "No device.");
    },
  };
  const renditions = planRenditions(testSourceInfo(1280, 720), parseLadderFlags(ladder));
  return chooseEncoders(machine, { renditions, preset: PRESETS[preset], family });
}

test("auto takes the first hardware encoder that works, in order", async () => {
  const tried: string[] = [];
  const choice = await choose("auto", { working: ["h264_qsv", "h264_vaapi"] }, tried);
  expect(choice).toEqual({ encoders: { h264: "h264_qsv" }, sentence: "Encoding with h264_qsv.", isFallback: false });
  expect(tried).toEqual(["h264_nvenc", "h264_qsv+low_power", "h264_qsv"]);
});

test("auto tries VideoToolbox only on a Mac, and nothing without a device", async () => {
  const onMac = await choose("auto", { working: ["h264_videotoolbox"], platform: "darwin" });
  expect(onMac.encoders).toEqual({ h264: "h264_videotoolbox" });
  const tried: string[] = [];
  const none = await choose("auto", { listed: SOFTWARE }, tried);
  expect(none).toMatchObject({ encoders: { h264: "libx264" }, isFallback: false });
  expect(none.sentence).toBe("Encoding with libx264: no hardware encoder was found.");
  expect(tried).toEqual([]);
});

test("auto says in one sentence that and why it falls back to software", async () => {
  const { encoders, sentence, isFallback } = await choose("auto", { listed: ["libx264", "h264_nvenc"] });
  expect([encoders, isFallback]).toEqual([{ h264: "libx264" }, true]);
  expect(sentence).toBe("Encoding with libx264: no other works here (h264_nvenc: No device).");
});

test("codecs that the hardware lacks are encoded in software beside it", async () => {
  const ladder = "720p:2M:hevc,480p:1M:av1,360p:500k";
  const working = ["hevc_nvenc", "h264_nvenc"];
  const choice = await choose("auto", { working, ladder });
  expect(choice.encoders).toEqual({ hevc: "hevc_nvenc", av1: "libaom-av1", h264: "h264_nvenc" });
  expect(await choose("nvenc", { working, ladder })).toMatchObject({
    isFallback: true,
    sentence: "Encoding with hevc_nvenc, libaom-av1, h264_nvenc: this machine's FFmpeg has no av1 of nvenc.",
  });
});

test("an explicit family that fails its trial, or that FFmpeg lacks, is refused with the reason", async () => {
  await expect(choose("nvenc")).rejects.toThrow("--encoder nvenc does not work here: h264_nvenc: No device.");
  await expect(choose("x264")).rejects.toThrow("--encoder x264 does not work here. No device.");
  await expect(choose("qsv", { listed: SOFTWARE })).rejects.toThrow("this machine's FFmpeg lacks h264_qsv");
  await expect(choose("auto", { listed: ["h264_nvenc"] })).rejects.toThrow("remove 720p from the ladder");
});

test("svtav1 encodes the AV1 renditions, x264 leaves them to libaom", async () => {
  const ladder = "720p:2M:av1,360p:500k";
  const working = [...SOFTWARE];
  expect((await choose("svtav1", { working, ladder })).encoders).toEqual({ av1: "libsvtav1", h264: "libx264" });
  expect((await choose("x264", { working, ladder })).encoders).toEqual({ av1: "libaom-av1", h264: "libx264" });
});

test("an unknown family is refused with the known ones", () => {
  expect(() => parseEncoderFamily("cuda")).toThrow("--encoder is auto, x264, nvenc, vaapi, qsv, videotoolbox, svtav1");
});

test("the fastest preset has libaom at speed 10 where its libaom takes that", async () => {
  const av1 = { ladder: "360p:500k:av1", listed: SOFTWARE, working: ["libaom-av1+speed10"] } as const;
  const encoders = async (trials: Trials) => (await choose("auto", { ...av1, ...trials })).encoders;
  expect(await encoders({ preset: "ultra" })).toEqual({ av1: "libaom-av1+speed10" });
  expect(await encoders({ preset: "ultra", working: [] })).toEqual({ av1: "libaom-av1" });
  expect(await encoders({ preset: "balanced" })).toEqual({ av1: "libaom-av1" });
});
