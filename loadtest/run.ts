/** One load test: data centres, publisher, k6, and samples of counters and processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withInterrupt } from "../bench/interrupt.ts";
import type { StreamStatus, TierCounters } from "../core/broadcast/stream-status.ts";
import { type ColoHarness, type NetworkFaults, startColoHarness } from "./colos/colos.ts";
import type { FlowFleet } from "./flow/flow-fleet.ts";
import { startFlowLoad } from "./flow/flow-load.ts";
import { findK6 } from "./k6.ts";
import type { K6Summary } from "./k6-summary.ts";
import { cpuMs, descendantPids, residentBytes } from "./processes.ts";
import { type MediaShape, SyntheticPublisher } from "./publisher.ts";
import { joinsRoom, k6ScriptOf, type Scenario, watchesFlow, watchesVideo } from "./scenarios.ts";

/** Kinds of injected faults. */
export const FAULT_KINDS = ["isolate", "shield", "live", "r2", "slow"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Duration of each fault. */
const FAULT_MS = 10_000;
const SAMPLE_MS = 1_000;
/** The stream's status is sent every 2 s. */
const STATUS_MS = 2_500;

/** Options of a run. */
export interface LoadOptions {
  readonly scenario: Scenario;
  readonly viewers: number;
  readonly seconds: number;
  readonly colos: number;
  readonly regions: number;
  readonly isolates: number;
  readonly latencyMs: number;
  readonly shape: MediaShape;
  readonly faults: readonly FaultKind[];
  /** Whether a viewer's stall fails the run. */
  readonly failOnStalls: boolean;
  /** A foreign broadcast instead of our own: its edge and stream. */
  readonly target: { readonly url: string; readonly stream: string } | null;
}

/** The counters at one moment. */
export interface LoadSample {
  /** Seconds since the first viewer arrived. */
  readonly atS: number;
  readonly tiers: readonly TierCounters[];
  readonly viewers: number;
  /** Nodes fed by the Live object. */
  readonly children: number;
  readonly memoryBytes: number;
  /** Milliseconds of workerd's CPU per second since the last sample. */
  readonly cpu: number;
  readonly fault: string;
  /** The room, in scenarios with one: calls to its object in the last whole second, and its counts. */
  readonly room: RoomSample | null;
  /** The viewers have left, and counters are being collected. */
  readonly over: boolean;
}

/** The room at one moment. */
export interface RoomSample {
  readonly calls: number;
  readonly watching: number;
  readonly likes: number;
  readonly shards: number;
}

/** The inputs of a report. */
export interface LoadResult {
  readonly options: LoadOptions;
  readonly began: string;
  readonly samples: readonly LoadSample[];
  readonly k6: K6Summary;
  readonly k6Failed: boolean;
  readonly publisherRetries: number;
}

/** SIGINT or SIGTERM has ended a run; everything of it is removed. */
export class LoadInterruptedError extends Error {
  override readonly name = "LoadInterrupted";
}

/** Runs a scenario. Throws `LoadInterruptedError`, `K6MissingError`, `PortError`, and refusals of the edge. */
export async function runLoad(options: LoadOptions, onProgress: (line: string) => void): Promise<LoadResult> {
  const k6 = watchesFlow(options.scenario) ? null : findK6();
  const out = await mkdtemp(join(tmpdir(), "corral-load-"));
  const { target } = options;
  const colos = target === null ? await startColoHarness(options) : null;
  if (colos !== null)
    onProgress(`${colos.edges.length} isolates in ${options.colos} data centres are running; core: ${colos.coreUrl}`);
  const stream = target?.stream ?? `load${Date.now().toString(36)}`;
  const early = options.scenario === "spike";
  let publisher: SyntheticPublisher | null = null;
  const publish = async (): Promise<void> => {
    if (colos === null || !watchesVideo(options.scenario)) return;
    publisher = await SyntheticPublisher.start(colos.coreUrl, stream, colos.adminToken, options.shape);
  };
  const measure = async (): Promise<LoadResult> => {
    if (!early) {
      await publish();
      // A joining player finds a hold-back's worth of media.
      if (publisher !== null) await new Promise((resolve) => setTimeout(resolve, 4 * options.shape.partMs + 1_000));
    }
    const summaryFile = join(out, "summary.json");
    const run = k6 === null ? null : startK6(k6, summaryFile, colos, stream, options);
    const byFlow = publisher === null || run !== null ? null : startFlowLoad(colos, publisher, options);
    const sampler = startSampler(target?.url ?? colos?.coreUrl ?? "", stream, options, onProgress);
    // The broadcast starts with the crowd.
    if (early) await publish();
    const faults =
      colos === null
        ? Promise.resolve()
        : injectFaults({ colos, stream, fleet: byFlow?.fleet ?? null }, options, sampler, onProgress);
    const deployed = colos === null ? Promise.resolve() : dropRoomSockets(colos, stream, options, onProgress);
    const k6Failed = run !== null && (await run) !== 0;
    const flowMetrics = await byFlow?.summary;
    await Promise.all([faults, deployed]);
    sampler.over = true;
    if (colos !== null) {
      onProgress("collecting the counters …");
      await colos.collectCounters(stream);
    }
    await new Promise((resolve) => setTimeout(resolve, STATUS_MS));
    const samples = await sampler.stop();
    const summary = flowMetrics ?? (JSON.parse(await readFile(summaryFile, "utf8")) as K6Summary);
    const retries = (publisher as SyntheticPublisher | null)?.retries ?? 0;
    return { options, began: new Date().toISOString(), samples, k6: summary, k6Failed, publisherRetries: retries };
  };
  try {
    return await withInterrupt((stop) => Promise.race([measure(), rejectAtAbort(stop)]));
  } finally {
    await (publisher as SyntheticPublisher | null)?.stop().catch(() => {});
    await colos?.stop();
    await rm(out, { recursive: true, force: true });
  }
}

async function rejectAtAbort(stop: AbortSignal): Promise<never> {
  await once(stop, "abort");
  throw new LoadInterruptedError("The load test was interrupted.");
}

function startK6(
  k6: string,
  out: string,
  colos: ColoHarness | null,
  stream: string,
  options: LoadOptions,
): Promise<number> {
  const edges = colos?.edges.map(({ url }) => url) ?? [options.target?.url ?? ""];
  const child = spawn(
    k6,
    [
      "run",
      "--quiet",
      "--no-usage-report",
      fileURLToPath(new URL(`k6/${k6ScriptOf(options.scenario)}`, import.meta.url)),
    ],
    {
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        ...process.env,
        EDGES: JSON.stringify(edges),
        STREAM: stream,
        SCENARIO: options.scenario,
        VIEWERS: String(options.viewers),
        SECONDS: String(options.seconds),
        PART_BYTES: JSON.stringify(colos === null ? {} : options.shape.tracks),
        JUDGE_STALLS: options.failOnStalls && options.faults.length === 0 ? "yes" : "no",
        FAULTS: options.faults.length > 0 ? "yes" : "no",
        OUT: out,
      },
    },
  );
  const end = (): void => void child.kill("SIGINT");
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      process.off("SIGINT", end);
      process.off("SIGTERM", end);
      resolve(code ?? 1);
    });
  });
}

interface Sampler {
  fault: string;
  over: boolean;
  stop(): Promise<readonly LoadSample[]>;
}

function startSampler(edge: string, stream: string, options: LoadOptions, say: (line: string) => void): Sampler {
  const began = performance.now();
  const samples: LoadSample[] = [];
  const workerds = descendantPids(process.pid, "workerd");
  let cpuBefore = workerds.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const sampler = { fault: "", over: false, stop: async (): Promise<readonly LoadSample[]> => samples };
  const takeSample = async (): Promise<void> => {
    const status = watchesVideo(options.scenario)
      ? await fetchJson<StreamStatus>(`${edge}/api/streams/${stream}`)
      : null;
    const room = joinsRoom(options.scenario) ? await fetchJson<RoomSample>(`${edge}/harness/room/${stream}/now`) : null;
    const cpuNow = workerds.reduce((sum, pid) => sum + cpuMs(pid), 0);
    samples.push({
      atS: (performance.now() - began) / 1000,
      tiers: status?.tiers ?? [],
      viewers: status?.viewers.current ?? 0,
      children: status?.children ?? 0,
      memoryBytes: workerds.reduce((sum, pid) => sum + residentBytes(pid), 0),
      cpu: cpuNow - cpuBefore,
      fault: sampler.fault,
      room,
      over: sampler.over,
    });
    cpuBefore = cpuNow;
    if (samples.length % 10 === 0) say(`${Math.round(samples.at(-1)?.atS ?? 0)} of ${options.seconds} s`);
  };
  const timer = setInterval(() => void takeSample().catch(() => {}), SAMPLE_MS);
  sampler.stop = async () => {
    clearInterval(timer);
    await takeSample().catch(() => {});
    return samples;
  };
  return sampler;
}

async function fetchJson<T>(url: string): Promise<T | null> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  return answer.ok ? ((await answer.json()) as T) : null;
}

/** In the middle of a `reconnect-storm` every object of the room crashes, and every socket with it. */
async function dropRoomSockets(
  colos: ColoHarness,
  stream: string,
  { scenario, seconds }: LoadOptions,
  say: (line: string) => void,
): Promise<void> {
  if (scenario !== "reconnect-storm") return;
  await new Promise((resolve) => setTimeout(resolve, (seconds * 1_000) / 2));
  say("dropping every socket of the room, like a deployment");
  await fetch(`${colos.coreUrl}/harness/room/${stream}/drop`);
}

/** What faults are injected into. */
interface FaultTarget {
  readonly colos: ColoHarness;
  readonly stream: string;
  /** The viewers by flow, or null: k6's viewers keep to their isolates. */
  readonly fleet: FlowFleet | null;
}

/** Injects one fault after the other for 10 s each, with as long to recover between them. */
async function injectFaults(
  target: FaultTarget,
  { faults, seconds }: LoadOptions,
  sampler: Sampler,
  say: (line: string) => void,
): Promise<void> {
  const endMs = performance.now() + seconds * 1_000;
  for (const fault of faults) {
    await new Promise((resolve) => setTimeout(resolve, FAULT_MS));
    if (performance.now() + FAULT_MS > endMs) {
      say(`no time left for the fault ${fault}: increase --seconds`);
      return;
    }
    say(`fault: ${fault}`);
    sampler.fault = fault;
    await injectFault(target, fault);
    sampler.fault = "";
  }
}

async function injectFault({ colos, stream, fleet }: FaultTarget, fault: FaultKind): Promise<void> {
  const untilMs = performance.now() + FAULT_MS;
  const over: NetworkFaults = fault === "r2" ? { r2: "refuse" } : fault === "slow" ? { live: 2_000 } : {};
  await colos.setFaults(over);
  const sites = new Set(colos.edges.map(({ site }) => site));
  const shields = [...sites].flatMap((site) => [site.slice(0, site.indexOf("/")), `${site.replace("/", ".")}.0`]);
  // Killed repeatedly: its memory is discarded each time it restarts. Of the isolates one after the other.
  for (let turn = 0; performance.now() < untilMs; turn += 1) {
    if (fault === "isolate") fleet?.loseIsolate(turn % colos.edges.length);
    const nodes = fault === "live" ? ["live"] : fault === "shield" ? [...new Set(shields)] : [];
    await Promise.all(nodes.map((node) => colos.restartNode(stream, node).catch(() => {})));
    await new Promise((resolve) => setTimeout(resolve, 2_500));
  }
  await colos.setFaults({});
}
