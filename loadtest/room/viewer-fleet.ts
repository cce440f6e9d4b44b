/** Viewers in several processes of their own, apart from server and measurement. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type {
  ClientLoadJob,
  ClientLoadStats,
  FleetAnswers,
  FleetJob,
  SocketLoadJob,
  SocketLoadStats,
} from "./fleet-jobs.ts";
import { LatencyHistogram } from "./latency-histogram.ts";

const PROCESS = fileURLToPath(new URL("viewer-fleet-process.ts", import.meta.url));

/** The counts of the whole fleet. */
export interface ViewerFleetStats extends Omit<SocketLoadStats, "delays"> {
  readonly delays: LatencyHistogram;
}

/** A fleet of viewer processes. */
export class ViewerFleet {
  readonly #processes: readonly ChildProcess[];
  #requestCounter = 0;

  /** Starts the processes; 10,000 sockets need two or more. */
  constructor(processes: number) {
    this.#processes = Array.from({ length: processes }, (_, index) => fork(PROCESS, [String(index)]));
  }

  /** Opens sockets; `tokens` are divided among the processes. Rejects if a viewer is not welcomed. */
  async openSockets(job: Omit<SocketLoadJob, "do">): Promise<void> {
    await this.#divideJob(job, (share) => ({ ...job, ...share, do: "open" }));
  }

  /** Opens sockets with the product's own client. */
  async openClients(job: Omit<ClientLoadJob, "do">): Promise<void> {
    await this.#divideJob(job, (share) => ({ ...job, ...share, do: "people" }));
  }

  /** Sets the fleet's total rate of messages. */
  async setWriteRate(perSecond: number): Promise<void> {
    await this.#requestAll({ do: "write", perSecond: perSecond / this.#processes.length });
  }

  /** Makes a share of the viewers send heartbeats; the others stop silently. */
  async setPlayingShare(share: number): Promise<void> {
    await this.#requestAll({ do: "play", share });
  }

  /** Resets all counts. */
  async resetStats(): Promise<void> {
    await this.#requestAll({ do: "clear" });
  }

  async socketStats(): Promise<ViewerFleetStats> {
    return sumOf(await this.#requestAll({ do: "stats" }));
  }

  async clientStats(): Promise<ClientLoadStats> {
    const parts = await this.#requestAll({ do: "people-stats" });
    return {
      people: parts.flatMap(({ people }) => people),
      acknowledged: parts.flatMap(({ acknowledged }) => acknowledged),
      refused: parts.reduce((sum, { refused }) => sum + refused, 0),
      shownToFirst: parts[0]?.shownToFirst ?? [],
    };
  }

  /** Closes all sockets; the processes continue. */
  async closeSockets(): Promise<void> {
    await this.#requestAll({ do: "close" });
  }

  /** Ends the processes and their sockets. */
  stopProcesses(): void {
    for (const child of this.#processes) child.disconnect();
  }

  async #divideJob(
    { viewers, tokens, perSecond }: Pick<SocketLoadJob, "viewers" | "tokens" | "perSecond">,
    jobOf: (share: Pick<SocketLoadJob, "viewers" | "tokens" | "perSecond">) => FleetJob,
  ): Promise<void> {
    const count = this.#processes.length;
    await Promise.all(
      this.#processes.map((child, index) =>
        this.#request(
          child,
          jobOf({
            viewers: Math.floor((viewers + index) / count),
            tokens: tokens.filter((_, number) => number % count === index),
            perSecond: perSecond / count,
          }),
        ),
      ),
    );
  }

  #requestAll<J extends FleetJob>(job: J): Promise<FleetAnswers[J["do"]][]> {
    return Promise.all(this.#processes.map((child) => this.#request(child, job)));
  }

  #request<J extends FleetJob>(child: ChildProcess, job: J): Promise<FleetAnswers[J["do"]]> {
    this.#requestCounter += 1;
    const id = this.#requestCounter;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        child.off("message", heard);
        child.off("exit", gone);
      };
      const heard = (message: unknown): void => {
        const reply = message as {
          readonly id: number;
          readonly answer: FleetAnswers[J["do"]];
          readonly error?: string;
        };
        if (reply.id !== id) return;
        done();
        if (reply.error === undefined) resolve(reply.answer);
        else reject(new Error(reply.error));
      };
      const gone = (code: number | null): void => {
        done();
        reject(new Error(`a process of the crowd ended with ${code}`));
      };
      child.on("message", heard);
      child.once("exit", gone);
      child.send({ id, job });
    });
  }
}

function sumOf(parts: readonly SocketLoadStats[]): ViewerFleetStats {
  const sum = (
    key: "ready" | "frames" | "bytes" | "delivered" | "sent" | "acknowledged" | "holes" | "repeats" | "moved",
  ): number => parts.reduce((all, part) => all + part[key], 0);
  const delays = new LatencyHistogram();
  const closes: Record<number, number> = {};
  for (const part of parts) {
    delays.merge(part.delays);
    for (const [code, count] of Object.entries(part.closes)) closes[Number(code)] = (closes[Number(code)] ?? 0) + count;
  }
  return {
    ready: sum("ready"),
    frames: sum("frames"),
    bytes: sum("bytes"),
    delivered: sum("delivered"),
    sent: sum("sent"),
    acknowledged: sum("acknowledged"),
    holes: sum("holes"),
    repeats: sum("repeats"),
    moved: sum("moved"),
    closes,
    closedAtMs: parts.flatMap(({ closedAtMs }) => closedAtMs),
    watching: parts[0]?.watching ?? null,
    delays,
  };
}
