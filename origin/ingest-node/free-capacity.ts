/** How many more broadcasts this machine can encode: by the transcoder's places, and by the cores that are idle now. */
import { cpus } from "node:os";
import { CORES_PER_TRANSCODE, type Transcoder } from "../packager/transcoder.ts";

/** Cumulated times of all cores, milliseconds. */
export interface CoreTimes {
  readonly idleMs: number;
  readonly totalMs: number;
}

/** Shortest time that a load is measured over, milliseconds of one core. */
const MEASURE_MS = 1_000;

/** See the file's first line. */
export class FreeCapacity {
  readonly #transcoder: Transcoder;
  readonly #cores: number;
  readonly #readTimes: () => CoreTimes;
  #last: CoreTimes;
  #idleShare = 1;

  constructor(transcoder: Transcoder, cores: number, readTimes: () => CoreTimes = readCoreTimes) {
    this.#transcoder = transcoder;
    this.#cores = cores;
    this.#readTimes = readTimes;
    this.#last = readTimes();
  }

  /** Free places, with those that can be spared. A machine that encodes nothing else has at least one, as without dispatch. */
  get places(): number {
    const now = this.#readTimes();
    const totalMs = now.totalMs - this.#last.totalMs;
    if (totalMs >= MEASURE_MS) {
      this.#idleShare = Math.min(1, Math.max(0, (now.idleMs - this.#last.idleMs) / totalMs));
      this.#last = now;
    }
    const { places, options } = this.#transcoder;
    const idle = Math.floor((this.#idleShare * this.#cores) / CORES_PER_TRANSCODE);
    const byLoad = Math.max(idle + places.spared, places.firm === 0 ? 1 : 0);
    return Math.max(0, Math.min(options.limit - places.firm, byLoad));
  }
}

function readCoreTimes(): CoreTimes {
  let [idleMs, totalMs] = [0, 0];
  for (const { times } of cpus()) {
    idleMs += times.idle;
    totalMs += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return { idleMs, totalMs };
}
