/** Chooses FFmpeg's encoder for each codec of a ladder by trial encodes. Its caller passes the trials in. */
import { UsageError } from "../kit/errors.ts";
import { createEncodeJob } from "./encode-plan.ts";
import type { EncodeJob } from "./encoder.ts";
import {
  type EncoderFamily,
  type HardwareFamily,
  hardwareEncoders,
  hardwareFamiliesOf,
  SOFTWARE_ENCODERS,
  softwareEncoder,
} from "./encoder-families.ts";
import { encoderName, FASTEST_AOM } from "./encoder-options.ts";
import type { Rendition, VideoCodec, VideoRendition } from "./ladder.ts";
import type { Preset } from "./presets.ts";

/** What this machine encodes with. */
export interface EncoderMachine {
  readonly platform: NodeJS.Platform;
  /** The names that `ffmpeg -encoders` lists. */
  readonly listed: ReadonlySet<string>;
  /** Whether a family's device is here; trials are skipped without it. */
  readonly hasDevice: (family: HardwareFamily) => boolean;
  /** Encodes a few pictures; resolves with null, or with the reason of the failure. */
  readonly tryEncode: (job: EncodeJob) => Promise<string | null>;
}

/** What is to be encoded. */
export interface EncoderWish {
  readonly renditions: readonly Rendition[];
  readonly preset: Preset;
  readonly family: EncoderFamily;
}

/** The encoders, and a sentence for the log. */
export interface EncoderChoice {
  readonly encoders: EncodeJob["encoders"];
  readonly sentence: string;
  /** Whether software stands in for hardware that was tried, or was asked for. */
  readonly isFallback: boolean;
}

/**
 * The encoders of a ladder. `auto` tries the machine's hardware and falls back to software; another family is used or
 * refused. Throws `UsageError`.
 */
export async function chooseEncoders(machine: EncoderMachine, wish: EncoderWish): Promise<EncoderChoice> {
  const choice = await chooseByFamily(machine, wish);
  return { ...choice, encoders: await speedUpAom(machine, wish, choice.encoders) };
}

/** The fastest preset has libaom at its greatest speed, which not every libaom takes. */
async function speedUpAom(
  machine: EncoderMachine,
  { renditions, preset }: EncoderWish,
  encoders: EncoderChoice["encoders"],
): Promise<EncoderChoice["encoders"]> {
  if (encoders.av1 !== encoderName(FASTEST_AOM) || preset.name !== "ultra") return encoders;
  const own = renditions.filter((each) => each.kind === "video" && each.codec === "av1");
  const failure = await machine.tryEncode(createEncodeJob(own, preset, { av1: FASTEST_AOM }));
  return failure === null ? { ...encoders, av1: FASTEST_AOM } : encoders;
}

async function chooseByFamily(machine: EncoderMachine, wish: EncoderWish): Promise<EncoderChoice> {
  const codecs = [...new Set(videosOf(wish).map(({ codec }) => codec))];
  switch (wish.family) {
    case "auto":
      return chooseAutomatically(machine, wish, codecs);
    case "x264":
      return requireSoftware(machine, wish, codecs, SOFTWARE_ENCODERS);
    case "svtav1":
      return requireSoftware(machine, wish, codecs, { ...SOFTWARE_ENCODERS, av1: ["libsvtav1"] });
    default:
      return requireHardware(machine, wish, codecs, wish.family);
  }
}

async function chooseAutomatically(
  machine: EncoderMachine,
  wish: EncoderWish,
  codecs: readonly VideoCodec[],
): Promise<EncoderChoice> {
  const encoders: Partial<Record<VideoCodec, string>> = {};
  const failures: string[] = [];
  for (const codec of codecs) {
    for (const family of hardwareFamiliesOf(machine.platform)) {
      if (encoders[codec] !== undefined || !machine.hasDevice(family)) continue;
      const { id, reasons } = await tryFamily(machine, wish, family, codec);
      if (id === null) failures.push(...reasons);
      else encoders[codec] = id;
    }
    encoders[codec] ??= requireSoftwareEncoder(machine.listed, wish, codec);
  }
  const names = codecs.map((codec) => encoderName(encoders[codec] ?? "")).join(", ");
  const isHardware = codecs.every((codec) => encoders[codec] !== softwareEncoder(codec, machine.listed));
  if (isHardware) return { encoders, sentence: `Encoding with ${names}.`, isFallback: false };
  const why = failures.length === 0 ? "no hardware encoder was found" : `no other works here (${failures.join("; ")})`;
  return { encoders, sentence: `Encoding with ${names}: ${why}.`, isFallback: failures.length > 0 };
}

async function requireSoftware(
  machine: EncoderMachine,
  wish: EncoderWish,
  codecs: readonly VideoCodec[],
  names: Readonly<Record<VideoCodec, readonly string[]>>,
): Promise<EncoderChoice> {
  const encoders: Partial<Record<VideoCodec, string>> = {};
  for (const codec of codecs) encoders[codec] = requireSoftwareEncoder(machine.listed, wish, codec, names[codec]);
  const { renditions, preset, family } = wish;
  const failure = await machine.tryEncode(createEncodeJob(renditions, preset, encoders));
  if (failure !== null) throw new UsageError(`--encoder ${family} does not work here. ${failure}`);
  return { encoders, sentence: `Encoding with ${Object.values(encoders).join(", ")}.`, isFallback: false };
}

async function requireHardware(
  machine: EncoderMachine,
  wish: EncoderWish,
  codecs: readonly VideoCodec[],
  family: HardwareFamily,
): Promise<EncoderChoice> {
  const encoders: Partial<Record<VideoCodec, string>> = {};
  const inSoftware: VideoCodec[] = [];
  for (const codec of codecs) {
    if (hardwareEncoders(family, codec, machine.listed).length === 0) {
      inSoftware.push(codec);
      continue;
    }
    const { id, reasons } = await tryFamily(machine, wish, family, codec);
    if (id === null) throw new UsageError(`--encoder ${family} does not work here: ${reasons.join("; ")}.`);
    encoders[codec] = id;
  }
  if (inSoftware.length === codecs.length && codecs.length > 0) {
    const lacking = codecs.map((codec) => `${codec}_${family}`).join(", ");
    throw new UsageError(`--encoder ${family} does not work here: this machine's FFmpeg lacks ${lacking}.`);
  }
  for (const codec of inSoftware) encoders[codec] = requireSoftwareEncoder(machine.listed, wish, codec);
  const names = codecs.map((codec) => encoderName(encoders[codec] ?? "")).join(", ");
  const why = inSoftware.length === 0 ? "" : `: this machine's FFmpeg has no ${inSoftware.join(", ")} of ${family}`;
  return { encoders, sentence: `Encoding with ${names}${why}.`, isFallback: inSoftware.length > 0 };
}

/** Tries the encoders of a family with the renditions of one codec, as they will run. */
async function tryFamily(
  machine: EncoderMachine,
  { renditions, preset }: EncoderWish,
  family: HardwareFamily,
  codec: VideoCodec,
): Promise<{ readonly id: string | null; readonly reasons: readonly string[] }> {
  const own = renditions.filter((each) => each.kind === "video" && each.codec === codec);
  const reasons: string[] = [];
  for (const id of hardwareEncoders(family, codec, machine.listed)) {
    const failure = await machine.tryEncode(createEncodeJob(own, preset, { [codec]: id }));
    if (failure === null) return { id, reasons };
    // Variants of one encoder: the plain one's reason is the one to read.
    reasons[0] = `${encoderName(id)}: ${failure.replace(/\.$/, "")}`;
  }
  return { id: null, reasons };
}

function requireSoftwareEncoder(
  listed: ReadonlySet<string>,
  wish: EncoderWish,
  codec: VideoCodec,
  names: readonly string[] = SOFTWARE_ENCODERS[codec],
): string {
  const name = names.find((each) => listed.has(each));
  if (name !== undefined) return name;
  const rendition = videosOf(wish).find((each) => each.codec === codec);
  throw new UsageError(
    `This machine's FFmpeg cannot encode ${codec} (none of ${names.join(", ")}); remove ${rendition?.name} from the ladder.`,
  );
}

function videosOf({ renditions }: EncoderWish): VideoRendition[] {
  return renditions.filter((each): each is VideoRendition => each.kind === "video");
}
