/** The files of the demo film: drawn once, then kept. */
import { access, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../core/kit/clock.ts";
import { type Canvas, RAW_AUDIO } from "../ingest/raw-media.ts";
import { layerFile, MUSIC_FILE } from "./film-graph.ts";
import { composeMusic } from "./film-music.ts";
import { drawFilm } from "./film-picture.ts";

/** Seed of stars and trees: the film is the same each time. */
const SEED = 7;

/**
 * Writes what the folder lacks of the film of this size. Another process that does the same at the time does no harm.
 * Throws the file system's errors.
 */
export async function writeFilm(folder: string, canvas: Canvas, frameRate: number, newId: () => string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const keep = async (name: string, create: () => Buffer): Promise<void> => {
    const path = join(folder, name);
    const unfinished = `${path}.${newId()}`;
    await writeFile(unfinished, create());
    await rename(unfinished, path);
  };
  if (!(await isThere(join(folder, MUSIC_FILE))))
    await keep(MUSIC_FILE, () => formatWav(composeMusic(RAW_AUDIO.sampleRate)));
  // The first layer is written last: with it, all are there.
  if (await isThere(join(folder, layerFile(canvas, 0)))) return;
  const layers = drawFilm(canvas, frameRate, seededRandom(SEED));
  for (const [i, { width, height, rgba }] of [...layers.entries()].reverse()) {
    const header = `P7\nWIDTH ${width}\nHEIGHT ${height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n`;
    await keep(layerFile(canvas, i), () => Buffer.concat([Buffer.from(header), rgba]));
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** 16-bit samples of `RAW_AUDIO` as a WAV file. */
function formatWav(samples: Int16Array): Buffer {
  const { sampleRate, channels } = RAW_AUDIO;
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}

/** Park and Miller's generator. */
function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
