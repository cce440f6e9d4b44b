/** A crowd of viewers in several processes of their own, so that neither the server nor its judge waits for them. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Delays } from "./delays.ts";
import type { Answers, Job, MassStats, OpenJob, PeopleJob, PeopleStats } from "./jobs.ts";

const PROCESS = fileURLToPath(new URL("crowd-process.ts", import.meta.url));

/** What the whole crowd has seen. */
export interface CrowdStats extends Omit<MassStats, "delays"> {
  readonly delays: Delays;
}

/** A number of processes full of viewers. */
export class Crowd {
  readonly #processes: readonly ChildProcess[];
  #asked = 0;

  /** Starts so many processes; 10,000 sockets need two or more. */
  constructor(processes: number) {
    this.#processes = Array.from({ length: processes }, (_, index) => fork(PROCESS, [String(index)]));
  }

  /** Opens sockets; writers are dealt out as `tokens` are. Rejects if somebody doesn't get in. */
  async open(job: Omit<OpenJob, "do">): Promise<void> {
    await this.#share(job, (share) => ({ ...job, ...share, do: "open" }));
  }

  /** Opens sockets with the product's own client. */
  async people(job: Omit<PeopleJob, "do">): Promise<void> {
    await this.#share(job, (share) => ({ ...job, ...share, do: "people" }));
  }

  /** So many messages a second are written by the whole crowd, until told otherwise. */
  async write(perSecond: number): Promise<void> {
    await this.#all({ do: "write", perSecond: perSecond / this.#processes.length });
  }

  /** A share of the viewers plays; the others fall silent. */
  async play(share: number): Promise<void> {
    await this.#all({ do: "play", share });
  }

  /** Counts anew. */
  async clear(): Promise<void> {
    await this.#all({ do: "clear" });
  }

  async stats(): Promise<CrowdStats> {
    return sumOf(await this.#all({ do: "stats" }));
  }

  async peopleStats(): Promise<PeopleStats> {
    const parts = await this.#all({ do: "people-stats" });
    return {
      people: parts.flatMap(({ people }) => people),
      acknowledged: parts.flatMap(({ acknowledged }) => acknowledged),
      refused: parts.reduce((sum, { refused }) => sum + refused, 0),
      shownToFirst: parts[0]?.shownToFirst ?? [],
    };
  }

  /** All leave; the processes go on. */
  async close(): Promise<void> {
    await this.#all({ do: "close" });
  }

  /** Ends the processes, and with them their sockets. */
  stop(): void {
    for (const child of this.#processes) child.disconnect();
  }

  async #share(
    { viewers, tokens, perSecond }: Pick<OpenJob, "viewers" | "tokens" | "perSecond">,
    jobOf: (share: Pick<OpenJob, "viewers" | "tokens" | "perSecond">) => Job,
  ): Promise<void> {
    const count = this.#processes.length;
    await Promise.all(
      this.#processes.map((child, index) =>
        this.#ask(
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

  #all<J extends Job>(job: J): Promise<Answers[J["do"]][]> {
    return Promise.all(this.#processes.map((child) => this.#ask(child, job)));
  }

  #ask<J extends Job>(child: ChildProcess, job: J): Promise<Answers[J["do"]]> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        child.off("message", heard);
        child.off("exit", gone);
      };
      const heard = (message: unknown): void => {
        const told = message as { readonly id: number; readonly answer: Answers[J["do"]]; readonly error?: string };
        if (told.id !== id) return;
        done();
        if (told.error === undefined) resolve(told.answer);
        else reject(new Error(told.error));
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

function sumOf(parts: readonly MassStats[]): CrowdStats {
  const sum = (
    key: "ready" | "frames" | "bytes" | "delivered" | "sent" | "acknowledged" | "holes" | "repeats" | "moved",
  ): number => parts.reduce((all, part) => all + part[key], 0);
  const delays = new Delays();
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
