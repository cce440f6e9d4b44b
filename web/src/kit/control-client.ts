/** Requests to a stream's control API, with the token of the operator or of a host. */
import { isLocalEdge, loadViewerToken, requestDevToken } from "./viewer-session.ts";

const TIMEOUT_MS = 10_000;

/** One request, below `/api/streams/{stream}`. */
export interface ControlRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** A file is sent as it is, anything else as JSON. */
  readonly body?: object | Blob;
}

/** The answer's JSON, null without a body; or a failure, whose text is in `errorText`. `isDenied`: the token has no right to it. */
export type ControlAnswer =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly isDenied: boolean };

/** The requests of one page. The token stays in the page's memory, and ends with it. */
export class ControlClient {
  readonly #stream: string;
  readonly #onChange: () => void;
  #token: string | null = null;
  #isBusy = false;
  #errorText: string | null = null;
  #isDenied = false;

  constructor(stream: string, onChange: () => void) {
    this.#stream = stream;
    this.#onChange = onChange;
  }

  /** Whether a request is pending. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** The error of the last request, or null. */
  get errorText(): string | null {
    return this.#errorText;
  }

  /** Takes the tab's token, or on a local edge a host token. Whether there is one. */
  async loadToken(): Promise<boolean> {
    const host = { sub: "host", name: "Host", roles: ["host"] };
    this.#token =
      loadViewerToken(this.#stream) ??
      (isLocalEdge() ? await requestDevToken(this.#stream, host).catch(() => null) : null);
    return this.#token !== null;
  }

  /** Takes a token that somebody entered. */
  setToken(token: string): void {
    this.#token = token;
  }

  /** Forgets the error if the last request was denied: the refusal of a token that nobody entered is no error. */
  clearDenial(): void {
    if (this.#isDenied) this.#errorText = null;
    this.#onChange();
  }

  /** Opens a GET request whose answer the caller reads: it is not pending here, and its failure is no error of the page. */
  open(path: string, accept: string, signal: AbortSignal): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token}`, accept };
    return fetch(`/api/streams/${this.#stream}${path}`, { headers, cache: "no-store", signal });
  }

  async request({ method, path, body }: ControlRequest): Promise<ControlAnswer> {
    this.#isBusy = true;
    this.#onChange();
    let answer: ControlAnswer = { ok: false, isDenied: false };
    try {
      const response = await fetch(`/api/streams/${this.#stream}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#token}` },
        body: body === undefined ? null : body instanceof Blob ? body : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const read: unknown = await response.json().catch(() => null);
      this.#errorText = response.ok ? null : problemText(read, response.status);
      this.#isDenied = response.status === 401 || response.status === 403;
      answer = response.ok ? { ok: true, body: read } : { ok: false, isDenied: this.#isDenied };
    } catch {
      this.#isDenied = false;
      this.#errorText = "The edge does not respond. Try again.";
    }
    this.#isBusy = false;
    return answer;
  }
}

function problemText(body: unknown, status: number): string {
  const { title, detail } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const said = [title, detail].filter((each) => typeof each === "string").join(": ");
  return said === "" ? `The edge answered ${status}.` : said;
}
