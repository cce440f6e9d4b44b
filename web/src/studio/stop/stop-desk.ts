/** Stops a stream and starts it again, as the operator or as a host: whatever the token at hand is good for. */
import type { StopCategory } from "../../../../protocol/stop.ts";
import { devToken, isLocal, viewerToken } from "../../session.ts";
import { parseStops, type ToldStops } from "./told.ts";

const TIMEOUT_MS = 10_000;

/** What a person has chosen. */
export interface Stopping {
  readonly category: StopCategory;
  readonly reason: string;
  /** ISO 8601; null: until a person undoes it. */
  readonly until: string | null;
}

/** One page's desk. */
export class StopDesk {
  readonly #stream: string;
  readonly #changed: () => void;
  #token: string | null = null;
  #told: ToldStops | null = null;
  #busy = false;
  #trouble: string | null = null;

  constructor(stream: string, changed: () => void) {
    this.#stream = stream;
    this.#changed = changed;
  }

  /** What holds and who did what; null while no token opens it. */
  get told(): ToldStops | null {
    return this.#told;
  }

  /** Something was sent that isn't answered yet. */
  get busy(): boolean {
    return this.#busy;
  }

  /** What went wrong with the last act, or null. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Begins with the tab's token; in a local run the edge gives the host's. */
  async start(): Promise<void> {
    const host = { sub: "host", name: "Host", roles: ["host"] };
    this.#token =
      viewerToken(this.#stream) ?? (isLocal() ? await devToken(this.#stream, host).catch(() => null) : null);
    await this.refresh();
  }

  /** Goes on with the operator's token, which is kept by nothing but this page. */
  async useToken(token: string): Promise<void> {
    this.#token = token;
    await this.#ask("GET", null);
  }

  /** Asks how things stand. */
  async refresh(): Promise<void> {
    if (this.#token === null) return;
    await this.#ask("GET", null);
    // A token that was tried unasked needn't be good for this.
    this.#trouble = null;
    this.#changed();
  }

  stop(stopping: Stopping): Promise<void> {
    return this.#ask("POST", stopping);
  }

  undo(): Promise<void> {
    return this.#ask("DELETE", null);
  }

  async #ask(method: "GET" | "POST" | "DELETE", body: Stopping | null): Promise<void> {
    this.#busy = true;
    this.#changed();
    try {
      const answer = await fetch(`/api/streams/${this.#stream}/stop`, {
        method,
        headers: { authorization: `Bearer ${this.#token}` },
        body: body === null ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const read: unknown = await answer.json().catch(() => null);
      this.#trouble = answer.ok ? null : problemText(read, answer.status);
      if (answer.ok) this.#told = parseStops(read);
      else if (answer.status === 401 || answer.status === 403) this.#told = null;
    } catch {
      this.#trouble = "The edge doesn’t answer. Try again.";
    }
    this.#busy = false;
    this.#changed();
  }
}

function problemText(body: unknown, status: number): string {
  const { title, detail } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const said = [title, detail].filter((each) => typeof each === "string").join(": ");
  return said === "" ? `The edge answers ${status}.` : said;
}
