/** The conformance suite against the simulated edge: its own client, over the simulated network, in virtual time. */
import { runConformance } from "../../conformance/checker.ts";
import type { Transport, TransportAnswer } from "../../conformance/client.ts";
import type { RuleResult } from "../../conformance/model.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import type { IsolateSlot } from "./edge-fleet.ts";
import type { MediaWorld } from "./media-world.ts";

/** Checks a stream for so many seconds of virtual time. */
export function checkConformance(world: MediaWorld, stream: string, seconds: number): Promise<RuleResult[]> {
  const slot = world.simulation.random.fork("conformance").pick(world.fleet.slots);
  const network = { clock: world.simulation.clock, transport: new SimulatedTransport(world, slot) };
  return runConformance(`http://edge.test/live/${stream}/multivariant.m3u8`, { network, seconds });
}

class SimulatedTransport implements Transport {
  readonly #world: MediaWorld;
  readonly #slot: IsolateSlot;
  readonly #process: SimulatedProcess;

  constructor(world: MediaWorld, slot: IsolateSlot) {
    this.#world = world;
    this.#slot = slot;
    this.#process = new SimulatedProcess(world.simulation, `viewer-of-rules@${slot.site}`, 1);
  }

  async get(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<TransportAnswer> {
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => {});
    signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
    const path = url.slice(new URL(url).origin.length);
    const response = await Promise.race([
      this.#world.fleet.fetch(this.#process, this.#slot, { path, headers }),
      aborted.promise,
    ]);
    const bytes = await response.bytes();
    return { status: response.status, headers: Object.fromEntries(response.headers), body: chunksOf(bytes) };
  }

  async close(): Promise<void> {
    this.#process.end("done");
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
