/**
 * Mutants: faults put into the product on purpose, each a patch. Every one is applied to a copy of the sources, and seeds are
 * run on it until a checker finds it. A patch that no longer applies is an error.
 */
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { ProductCode } from "./kernel/product-code.ts";
import { Trace } from "./kernel/trace.ts";
import { FAULT_GROUPS } from "./media/fault-schedule.ts";
import { loadMediaCode } from "./media/media-world.ts";
import { runSide, type SimulationPlan } from "./sides.ts";

/** What the simulation bundles. */
const SOURCES = ["core", "durable-objects", "origin", "workers", "web", "package.json", "tsconfig.json"];
/** Seeds that a mutant may survive. */
const MAX_SEEDS = 500;
const DURATION_MS = 30_000;
const VIEWERS = { media: 5, room: 16 } as const;

/** A mutant and how it was found. */
export interface MutantResult {
  readonly name: string;
  /** Its first line. */
  readonly description: string;
  /** The seeds that it took, the checker and what that said; null: it was not found. */
  readonly found: { readonly seeds: number; readonly checker: string; readonly message: string } | null;
  /** Wall time that it took. */
  readonly seconds: number;
}

/** Names of the patches in `folder` that contain `part`. */
export function listMutants(folder: string, part: string): string[] {
  return globSync("*.patch", { cwd: folder })
    .map((file) => basename(file, ".patch"))
    .filter((name) => name.includes(part))
    .sort();
}

/**
 * Runs seeds on a mutant of the sources below `root` until it is found: a checker fails on it, and not on `sound`, the sources
 * as they are. Throws where its patch does not apply.
 */
export async function findMutant(
  root: string,
  folder: string,
  name: string,
  sound: ProductCode,
  maxSeeds: number = MAX_SEEDS,
): Promise<MutantResult> {
  const file = join(folder, `${name}.patch`);
  const { description, faults, durationMs } = readHeader(readFileSync(file, "utf8"));
  // The side that has the fault is in the name.
  const side = name.startsWith("room-") ? "room" : "media";
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 1000);
  const copy = copySources(root);
  try {
    applyPatch(copy, file);
    const code = await loadMediaCode(copy);
    for (let seed = 1; seed <= maxSeeds; seed += 1) {
      const plan = { seed, durationMs, viewers: VIEWERS[side], faults, onlyFaults: null };
      const { failure } = await runSide(side, plan, code, new Trace());
      if (failure === null) continue;
      const unpatched = await runSide(side, plan, sound, new Trace());
      if (unpatched.failure !== null) {
        console.error(`${name}: seed ${seed} fails without it too: ${unpatched.failure.checker}`);
        continue;
      }
      const found = { seeds: seed, checker: failure.checker, message: failure.message };
      return { name, description, found, seconds: seconds() };
    }
    return { name, description, found: null, seconds: seconds() };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/**
 * What stands above a patch: a line that says what it breaks, and where that is needed `Faults:` with the groups that matter
 * to it and `Seconds:`.
 */
function readHeader(text: string): Pick<SimulationPlan, "faults" | "durationMs"> & { readonly description: string } {
  const [description = "", ...lines] = text.slice(0, text.indexOf("\ndiff --git")).split("\n");
  const readField = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const groups = readField("Faults")?.split(", ");
  const seconds = readField("Seconds");
  return {
    description,
    faults: groups === undefined ? FAULT_GROUPS : FAULT_GROUPS.filter((group) => groups.includes(group)),
    durationMs: seconds === undefined ? DURATION_MS : 1000 * Number(seconds),
  };
}

function copySources(root: string): string {
  const copy = mkdtempSync(join(tmpdir(), "corral-mutant-"));
  const isKept = (path: string): boolean => !/[\\/](node_modules|dist)([\\/]|$)|\.(png|svg|bin)$/.test(path);
  for (const source of SOURCES) cpSync(join(root, source), join(copy, source), { recursive: true, filter: isKept });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

function applyPatch(copy: string, file: string): void {
  // Outside of any repository, so that the patch is applied to the copy as it lies.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() };
  const { status, stderr } = spawnSync("git", ["apply", file], { cwd: copy, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${basename(file)} does not apply any more; make it anew:\n${stderr}`);
}
