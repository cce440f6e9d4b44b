/** Stops and starts a stream with the token of the operator or of a host. */
import type { StopCategory } from "../../../../core/access/stream-stop.ts";
import { isLocalEdge, loadViewerToken, requestDevToken } from "../../kit/viewer-session.ts";
import { parseStopReport, type StopReport } from "./stop-report.ts";

const TIMEOUT_MS = 10_000;

/** The input of the stop form. */
export interface StopRequest {
  readonly category: StopCategory;
  readonly reason: string;
  /** ISO 8601; null: until it is lifted. */
  readonly until: string | null;
}

/** The stop controller of one page. */
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

  /** The stop report; null without a valid token. */
  get report(): StopReport | null {
    return this.#report;
  }

  /** Whether a request is pending. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** The error of the last request, or null. */
  get errorText(): string | null {
    return this.#errorText;
  }

  /** Starts with the tab's token; on a local edge, with a host token. */
  async start(): Promise<void> {
    const host = { sub: "host", name: "Host", roles: ["host"] };
    this.#token =
      loadViewerToken(this.#stream) ??
      (isLocalEdge() ? await requestDevToken(this.#stream, host).catch(() => null) : null);
    await this.refresh();
  }

  /** Uses the operator's token, which only this page keeps. */
  async useToken(token: string): Promise<void> {
    this.#token = token;
    await this.#request("GET", null);
  }

  /** Requests the stop report. */
  async refresh(): Promise<void> {
    if (this.#token === null) return;
    await this.#request("GET", null);
    // The refusal of a token that nobody entered is not an error.
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
      this.#errorText = "The edge does not respond. Try again.";
    }
    this.#isBusy = false;
    this.#onChange();
  }
}

function problemText(body: unknown, status: number): string {
  const { title, detail } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const said = [title, detail].filter((each) => typeof each === "string").join(": ");
  return said === "" ? `The edge answered ${status}.` : said;
}
