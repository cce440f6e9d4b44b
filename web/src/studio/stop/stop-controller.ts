/** Stops a stream and starts it again, as the operator or as a host: whatever the token at hand is good for. */
import type { StopCategory } from "../../../../core/access/stream-stop.ts";
import { isLocalEdge, loadViewerToken, requestDevToken } from "../../kit/viewer-session.ts";
import { parseStopReport, type StopReport } from "./stop-report.ts";

const TIMEOUT_MS = 10_000;

/** What a person has chosen. */
export interface StopRequest {
  readonly category: StopCategory;
  readonly reason: string;
  /** ISO 8601; null: until a person undoes it. */
  readonly until: string | null;
}

/** One page's desk. */
export class StopController {
  readonly #stream: string;
  readonly #onChange: () => void;
  #token: string | null = null;
  #report: StopReport | null = null;
  #isBusy = false;
  #errorText: string | null = null;

  constructor(stream: string, changed: () => void) {
    this.#stream = stream;
    this.#onChange = changed;
  }

  /** What holds and who did what; null while no token opens it. */
  get report(): StopReport | null {
    return this.#report;
  }

  /** Something was sent that isn't answered yet. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** What went wrong with the last act, or null. */
  get errorText(): string | null {
    return this.#errorText;
  }

  /** Begins with the tab's token; in a local run the edge gives the host's. */
  async start(): Promise<void> {
    const host = { sub: "host", name: "Host", roles: ["host"] };
    this.#token =
      loadViewerToken(this.#stream) ??
      (isLocalEdge() ? await requestDevToken(this.#stream, host).catch(() => null) : null);
    await this.refresh();
  }

  /** Goes on with the operator's token, which is kept by nothing but this page. */
  async useToken(token: string): Promise<void> {
    this.#token = token;
    await this.#request("GET", null);
  }

  /** Asks how things stand. */
  async refresh(): Promise<void> {
    if (this.#token === null) return;
    await this.#request("GET", null);
    // A token that was tried unasked needn't be good for this.
    this.#errorText = null;
    this.#onChange();
  }

  stop(stopping: StopRequest): Promise<void> {
    return this.#request("POST", stopping);
  }

  liftStop(): Promise<void> {
    return this.#request("DELETE", null);
  }

  async #request(method: "GET" | "POST" | "DELETE", body: StopRequest | null): Promise<void> {
    this.#isBusy = true;
    this.#onChange();
    try {
      const answer = await fetch(`/api/streams/${this.#stream}/stop`, {
        method,
        headers: { authorization: `Bearer ${this.#token}` },
        body: body === null ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const read: unknown = await answer.json().catch(() => null);
      this.#errorText = answer.ok ? null : problemText(read, answer.status);
      if (answer.ok) this.#report = parseStopReport(read);
      else if (answer.status === 401 || answer.status === 403) this.#report = null;
    } catch {
      this.#errorText = "The edge doesn’t answer. Try again.";
    }
    this.#isBusy = false;
    this.#onChange();
  }
}

function problemText(body: unknown, status: number): string {
  const { title, detail } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const said = [title, detail].filter((each) => typeof each === "string").join(": ");
  return said === "" ? `The edge answers ${status}.` : said;
}
