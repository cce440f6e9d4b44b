/** A stream's keys and ingest addresses, with the token of the operator or of a host. */
import type { StreamKeyRole } from "../../../../core/access/stream-key.ts";
import type { IngestAddresses } from "../../../../core/api/ingest-addresses.ts";
import { ControlClient, type ControlRequest } from "../../kit/control-client.ts";
import { storeOwnStream } from "../../kit/own-streams.ts";
import { type IssuedKey, type ListedKey, parseAddressAnswer, parseIssuedKey, parseKeyList } from "./stream-keys.ts";

/** The keys of one page's stream. A secret stays in the page's memory, and ends with it. */
export class GoLiveController {
  readonly #client: ControlClient;
  readonly #onChange: () => void;
  readonly #stream: string;
  #addresses: IngestAddresses | null = null;
  #keys: readonly ListedKey[] | null = null;
  #issued: IssuedKey | null = null;

  constructor(stream: string, changed: () => void) {
    this.#client = new ControlClient(stream, changed);
    this.#onChange = changed;
    this.#stream = stream;
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
    return this.#client.isBusy;
  }

  /** The error of the last request, or null. */
  get errorText(): string | null {
    return this.#client.errorText;
  }

  /** Starts with the tab's token; on a local edge, with a host token. */
  async start(): Promise<void> {
    if (!(await this.#client.loadToken())) return;
    await this.#refresh();
    this.#client.clearDenial();
  }

  /** Uses a token that only this page keeps. */
  async useToken(token: string): Promise<void> {
    this.#client.setToken(token);
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
    if (answer === null) return;
    if (this.#issued?.id === id) this.#issued = null;
    await this.#refresh();
  }

  async #issue(request: ControlRequest): Promise<void> {
    const answer = await this.#request(request);
    if (answer === null) return;
    this.#issued = parseIssuedKey(answer.body);
    await this.#refresh();
  }

  async #refresh(): Promise<void> {
    const addresses = await this.#request({ method: "GET", path: "/ingest" });
    if (addresses === null) return;
    this.#addresses = parseAddressAnswer(addresses.body);
    const keys = await this.#request({ method: "GET", path: "/keys" });
    if (keys !== null) this.#keys = parseKeyList(keys.body);
    // Who sees the keys may go live: the start page leads back here.
    if (this.#keys !== null) storeOwnStream(this.#stream, true);
    this.#onChange();
  }

  /** The answer; null if it failed. */
  async #request(request: ControlRequest): Promise<{ readonly body: unknown } | null> {
    const answer = await this.#client.request(request);
    if (!answer.ok && answer.isDenied) this.#keys = null;
    this.#onChange();
    return answer.ok ? answer : null;
  }
}
