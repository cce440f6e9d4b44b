/** The reviewer of messages that a deployment is bound to: mostly it allows them; it is late, wrong or down at times. */
import { SimulatedRequest, type SimulatedRequestInit, SimulatedResponse } from "../kernel/fetch-types.ts";
import type { Network } from "../kernel/network.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import type { Simulation } from "../kernel/simulation.ts";
import { REWRITTEN_MARK } from "./message-texts.ts";

/** A review that takes longer than shards wait. */
const LATE_MS = 4_000;
const THINKING_MS = { min: 5, max: 250 } as const;

/** One reviewer. */
export class Reviewer {
  readonly #simulation: Simulation;
  readonly #network: Network;
  readonly #process: SimulatedProcess;
  /** It allows everything from now on. */
  isLenient = false;
  reviews = 0;

  constructor(simulation: Simulation, network: Network) {
    this.#simulation = simulation;
    this.#network = network;
    this.#process = new SimulatedProcess(simulation, "reviewer@weur/FRA", 1);
  }

  /** The binding of a process. */
  bind(caller: SimulatedProcess): { fetch(url: string, init: SimulatedRequestInit): Promise<SimulatedResponse> } {
    const receiver = { place: this.#process.place, receiver: () => this.#process };
    return {
      fetch: (url, init) =>
        this.#network.request(caller, receiver, "review", () => this.#review(new SimulatedRequest(url, init))),
    };
  }

  async #review(request: SimulatedRequest): Promise<SimulatedResponse> {
    const { text } = (await request.json()) as { readonly text: string };
    this.reviews += 1;
    const { random } = this.#process;
    await this.#simulation.sleep(random.integer(THINKING_MS.min, THINKING_MS.max));
    const decide = (review: object): SimulatedResponse => new SimulatedResponse(JSON.stringify(review));
    const kind = this.isLenient ? 0 : random.fraction();
    if (kind < 0.75) return decide({ decision: "allow" });
    if (kind < 0.82) return decide({ decision: "hold" });
    if (kind < 0.86) return decide({ decision: "deny" });
    if (kind < 0.9) return decide({ decision: "rewrite", text: `${text}${REWRITTEN_MARK}` });
    if (kind < 0.92) return decide({ decision: "rewrite" });
    if (kind < 0.94) return decide({ decision: "whatever" });
    if (kind < 0.97) return new SimulatedResponse("down", { status: 500 });
    await this.#simulation.sleep(LATE_MS);
    return decide({ decision: "allow" });
  }
}
