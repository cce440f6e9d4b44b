/** Stops and starts a stream with the token of the operator or of a host. */
import type { StopCategory } from "../../../../core/access/stream-stop.ts";
import { ControlClient } from "../../kit/control-client.ts";
import { parseStopReport, type StopReport } from "./stop-report.ts";

/** The input of the stop form. */
export interface StopRequest {
  readonly category: StopCategory;
  readonly reason: string;
  /** ISO 8601; null: until it is lifted. */
  readonly until: string | null;
}

/** The stop controller of one page. */
export class StopController {
  readonly #client: ControlClient;
  readonly #onChange: () => void;
  #report: StopReport | null = null;
  #hasToken = false;

  constructor(stream: string, changed: () => void) {
    this.#client = new ControlClient(stream, changed);
    this.#onChange = changed;
  }

  /** The stop report; null without a valid token. */
  get report(): StopReport | null {
    return this.#report;
  }

  /** Whether a request is pending. */
  get isBusy(): boolean {
    return this.#client.isBusy;
  }

  /** The error of the last request, or null. */
  get errorText(): string | null {
    return this.#client.errorText;
  }

  /** Starts with the tab's token; on a local edge, with a host token. */
  async start(): Promise<void> {
    this.#hasToken = await this.#client.loadToken();
    await this.refresh();
  }

  /** Uses the operator's token, which only this page keeps. */
  async useToken(token: string): Promise<void> {
    this.#hasToken = true;
    this.#client.setToken(token);
    await this.#request("GET");
  }

  /** Requests the stop report. */
  async refresh(): Promise<void> {
    if (!this.#hasToken) return;
    await this.#request("GET");
    this.#client.clearDenial();
  }

  stop(stopping: StopRequest): Promise<void> {
    return this.#request("POST", stopping);
  }

  liftStop(): Promise<void> {
    return this.#request("DELETE");
  }

  async #request(method: "GET" | "POST" | "DELETE", body?: StopRequest): Promise<void> {
    const answer = await this.#client.request({ method, path: "/stop", ...(body === undefined ? {} : { body }) });
    if (answer.ok) this.#report = parseStopReport(answer.body);
    else if (answer.isDenied) this.#report = null;
    this.#onChange();
  }
}
