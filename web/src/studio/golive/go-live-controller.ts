/** A stream's keys and ingest addresses, with the token of the operator or of a host. */
import type { StreamKeyRole } from "../../../../core/access/stream-key.ts";
import type { IngestAddresses } from "../../../../core/api/ingest-addresses.ts";
import { isLocalEdge, loadViewerToken, requestDevToken } from "../../kit/viewer-session.ts";
import { type IssuedKey, type ListedKey, parseAddressAnswer, parseIssuedKey, parseKeyList } from "./stream-keys.ts";

const TIMEOUT_MS = 10_000;

/** One request of the control API. */
interface ControlRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: object;
}

/** The keys of one page's stream. A secret stays in the page's memory, and ends with it. */
export class GoLiveController {
  readonly #stream: string;
  readonly #onChange: () => void;
  #token: string | null = null;
  #addresses: IngestAddresses | null = null;
  #keys: readonly ListedKey[] | null = null;
  #issued: IssuedKey | null = null;
  #isBusy = false;
  #errorText: string | null = null;

  constructor(stream: string, changed: () => void) {
    this.#stream = stream;
    this.#onChange = changed;
  }

  /** The listeners; null without a valid token. */
  get addresses(): IngestAddresses | null {
    return this.#addresses;
  }

  /** The keys, the one issued last first; null without a valid token. */
  get keys(): readonly ListedKey[] | null {
    return this.#keys;
  }

  /** The key that was issued last on this page, with its secret; null before the first. */
  get issued(): IssuedKey | null {
    return this.#issued;
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
    if (this.#token === null) return;
    await this.#refresh();
    // The refusal of a token that nobody entered is not an error.
    this.#errorText = null;
    this.#onChange();
  }

  /** Uses a token that only this page keeps. */
  async useToken(token: string): Promise<void> {
    this.#token = token;
    await this.#refresh();
  }

  /** Issues a key. */
  async createKey(label: string, role: StreamKeyRole): Promise<void> {
    await this.#issue({ method: "POST", path: "/keys", body: { label, role } });
  }

  /** Issues a key in place of another, which is valid for another hour. */
  async rotateKey(id: string): Promise<void> {
    await this.#issue({ method: "POST", path: `/keys/${id}/rotate` });
  }

  /** Revokes a key, and cuts its session. */
  async revokeKey(id: string): Promise<void> {
    const answer = await this.#request({ method: "DELETE", path: `/keys/${id}` });
    if (answer === FAILED) return;
    if (this.#issued?.id === id) this.#issued = null;
    await this.#refresh();
  }

  async #issue(request: ControlRequest): Promise<void> {
    const answer = await this.#request(request);
    if (answer === FAILED) return;
    this.#issued = parseIssuedKey(answer);
    await this.#refresh();
  }

  async #refresh(): Promise<void> {
    const addresses = await this.#request({ method: "GET", path: "/ingest" });
    if (addresses === FAILED) return;
    this.#addresses = parseAddressAnswer(addresses);
    const keys = await this.#request({ method: "GET", path: "/keys" });
    if (keys !== FAILED) this.#keys = parseKeyList(keys);
    this.#onChange();
  }

  /** The response's JSON, or `FAILED` with a text in `errorText`. */
  async #request({ method, path, body }: ControlRequest): Promise<unknown> {
    this.#isBusy = true;
    this.#onChange();
    let outcome: unknown = FAILED;
    try {
      const answer = await fetch(`/api/streams/${this.#stream}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#token}` },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const read: unknown = await answer.json().catch(() => null);
      this.#errorText = answer.ok ? null : problemText(read, answer.status);
      if (answer.ok) outcome = read;
      else if (answer.status === 401 || answer.status === 403) this.#keys = null;
    } catch {
      this.#errorText = "The edge does not respond. Try again.";
    }
    this.#isBusy = false;
    this.#onChange();
    return outcome;
  }
}

/** The outcome of a failed request. */
const FAILED = Symbol("failed");

function problemText(body: unknown, status: number): string {
  const { title, detail } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const said = [title, detail].filter((each) => typeof each === "string").join(": ");
  return said === "" ? `The edge answered ${status}.` : said;
}
