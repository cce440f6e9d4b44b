/**
 * A journal on disk of media that the edge has not stored yet: if the memory of edge and publisher is lost at once, as when
 * both are killed on one machine, the next run sends it. One file per segment, removed when the segment is stored.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BroadcastConfig } from "../../core/broadcast/broadcast-log.ts";
import type { PackagerOutput } from "../../core/media/cmaf/packager.ts";
import { errorMessage } from "../kit/errors.ts";

const CONFIG = "broadcast.json";
const INITS = "inits";
/** Lengths of a record's description and bytes. */
const HEADER_BYTES = 8;

/** The journal of one broadcast. */
export class PublishJournal {
  readonly #folder: string;
  readonly #warn: (text: string) => void;
  #durableMsn = -1;
  /** False after a failure: outputs before the hole can be resent, later ones cannot. */
  #isWritable = true;

  /** Creates a journal in a new folder. A failed write is reported once, and the broadcast continues without a journal. */
  constructor(folder: string, config: BroadcastConfig, warn: (text: string) => void) {
    this.#folder = folder;
    this.#warn = warn;
    this.#attempt(() => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, CONFIG), JSON.stringify(config));
    });
  }

  /** Records an output until it is stored. */
  append(output: PackagerOutput): void {
    const { bytes, ...description } = output;
    const text = Buffer.from(JSON.stringify(description));
    const head = Buffer.alloc(HEADER_BYTES);
    head.writeUInt32BE(text.byteLength, 0);
    head.writeUInt32BE(bytes.byteLength, 4);
    const file = output.kind === "init" ? INITS : `${output.meta.msn}`;
    this.#attempt(() => appendFileSync(join(this.#folder, file), Buffer.concat([head, text, bytes])));
  }

  /** Removes segments up to `msn`, which are stored in every track. */
  removeThrough(msn: number): void {
    for (; this.#durableMsn < msn; this.#durableMsn += 1) this.#removeFile(`${this.#durableMsn + 1}`);
  }

  /** Removes everything: all is stored. */
  removeAll(): void {
    this.#isWritable = false;
    this.#removeFile("");
  }

  #removeFile(file: string): void {
    try {
      rmSync(join(this.#folder, file), { recursive: true, force: true });
    } catch (error) {
      this.#warn(`${join(this.#folder, file)} cannot be removed: ${errorMessage(error)}.`);
    }
  }

  #attempt(step: () => void): void {
    if (!this.#isWritable) return;
    try {
      step();
    } catch (error) {
      this.#isWritable = false;
      this.#warn(`Unconfirmed parts are no longer kept on disk: ${errorMessage(error)}.`);
    }
  }
}

/** The content of the journal in `folder`: its broadcast, and outputs in order; null without one. */
export function readJournal(
  folder: string,
): { readonly config: BroadcastConfig; readonly outputs: PackagerOutput[] } | null {
  try {
    const config = JSON.parse(readFileSync(join(folder, CONFIG), "utf8")) as BroadcastConfig;
    const segments = readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .sort((a, b) => Number(a) - Number(b));
    const outputs = [INITS, ...segments].flatMap((file) => [...readRecords(join(folder, file))]);
    return { config, outputs };
  } catch {
    return null;
  }
}

/** The records of a file; the last one may be truncated. */
function* readRecords(file: string): Generator<PackagerOutput> {
  const content = readFileSync(file);
  for (let at = 0; at + HEADER_BYTES <= content.byteLength; ) {
    const textEnd = at + HEADER_BYTES + content.readUInt32BE(at);
    const end = textEnd + content.readUInt32BE(at + 4);
    if (end > content.byteLength) return;
    const description = JSON.parse(content.toString("utf8", at + HEADER_BYTES, textEnd)) as Omit<
      PackagerOutput,
      "bytes"
    >;
    yield { ...description, bytes: new Uint8Array(content.subarray(textEnd, end)) } as PackagerOutput;
    at = end;
  }
}

/** Names of the folders in `folder`. */
export function listFolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}
