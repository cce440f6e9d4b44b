/**
 * `Headers`, `Request` and `Response` as the Worker uses them, without what makes those of Node slow: a body of bytes stays
 * bytes until somebody asks for a stream.
 */

import type { SimulatedWebSocket } from "./web-sockets.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** Names and values. */
export type HeadersLike = SimulatedHeaders | Readonly<Record<string, string>> | Iterable<readonly [string, string]>;

/** Header fields: names in lower case and their values. They are few, so that lists are faster than a map. */
export class SimulatedHeaders implements Iterable<[string, string]> {
  #names: string[];
  #values: string[];
  /** A copy has the same lists, until one of the two is changed. */
  #isShared = false;

  constructor(init?: HeadersLike) {
    if (init instanceof SimulatedHeaders) {
      this.#names = init.#names;
      this.#values = init.#values;
      this.#isShared = true;
      init.#isShared = true;
      return;
    }
    this.#names = [];
    this.#values = [];
    if (init === undefined || init === null) return;
    if (Symbol.iterator in init) {
      for (const [name, value] of init as Iterable<readonly [string, string]>) this.append(name, value);
      return;
    }
    for (const name of Object.keys(init)) {
      const lowerCase = name.toLowerCase();
      const value = `${init[name]}`;
      if (this.#names.includes(lowerCase)) this.append(lowerCase, value);
      else this.#add(lowerCase, value);
    }
  }

  get(name: string): string | null {
    const at = this.#find(name);
    return at === -1 ? null : (this.#values[at] ?? null);
  }

  has(name: string): boolean {
    return this.#find(name) !== -1;
  }

  set(name: string, value: string): void {
    this.#unshare();
    const at = this.#find(name);
    if (at === -1) this.#add(name.toLowerCase(), `${value}`);
    else this.#values[at] = `${value}`;
  }

  append(name: string, value: string): void {
    const before = this.get(name);
    this.set(name, before === null ? value : `${before}, ${value}`);
  }

  delete(name: string): void {
    const at = this.#find(name);
    if (at === -1) return;
    this.#unshare();
    this.#names.splice(at, 1);
    this.#values.splice(at, 1);
  }

  forEach(callback: (value: string, name: string) => void): void {
    for (const [name, value] of this.entries()) callback(value, name);
  }

  entries(): IterableIterator<[string, string]> {
    return this.#names.map((name, at): [string, string] => [name, this.#values[at] ?? ""]).values();
  }

  keys(): IterableIterator<string> {
    return [...this.#names].values();
  }

  values(): IterableIterator<string> {
    return [...this.#values].values();
  }

  getSetCookie(): string[] {
    return [];
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  #add(lowerCase: string, value: string): void {
    this.#names.push(lowerCase);
    this.#values.push(value);
  }

  #find(name: string): number {
    const at = this.#names.indexOf(name);
    return at === -1 ? this.#names.indexOf(name.toLowerCase()) : at;
  }

  #unshare(): void {
    if (!this.#isShared) return;
    this.#names = [...this.#names];
    this.#values = [...this.#values];
    this.#isShared = false;
  }
}

/** What a body may be made of. */
export type BodyLike = null | undefined | string | Uint8Array | ArrayBuffer | ReadableStream<Uint8Array>;

type ByteStream = ReadableStream<Uint8Array>;

/**
 * A stream of bytes that are there. Most are passed on from one response to the next, which passes the bytes on, and never
 * read: only reading makes a stream of Node's of it.
 */
class HeldStream {
  readonly bytes: Uint8Array;
  #opened: ByteStream | null = null;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get locked(): boolean {
    return this.#opened?.locked ?? false;
  }

  get #stream(): ByteStream {
    this.#opened ??= streamOfBytes(this.bytes);
    return this.#opened;
  }

  getReader(...options: Parameters<ByteStream["getReader"]>): ReturnType<ByteStream["getReader"]> {
    return this.#stream.getReader(...options);
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#stream.cancel(reason);
  }

  pipeTo(...to: Parameters<ByteStream["pipeTo"]>): Promise<void> {
    return this.#stream.pipeTo(...to);
  }

  pipeThrough<T>(...through: Parameters<ByteStream["pipeThrough"]>): ReadableStream<T> {
    return this.#stream.pipeThrough(...through) as ReadableStream<T>;
  }

  tee(): ReturnType<ByteStream["tee"]> {
    return this.#stream.tee();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#stream[Symbol.asyncIterator]();
  }
}

/** A body: bytes, or a stream of them. */
abstract class SimulatedBody {
  #bytes: Uint8Array | null = null;
  #stream: ReadableStream<Uint8Array> | null = null;
  readonly #isNull: boolean;
  bodyUsed = false;

  constructor(body: BodyLike) {
    this.#isNull = body === null || body === undefined;
    if (body === null || body === undefined) return;
    if (typeof body === "string") this.#bytes = encoder.encode(body);
    else if (body instanceof Uint8Array) this.#bytes = body;
    else if (body instanceof ArrayBuffer) this.#bytes = new Uint8Array(body);
    else {
      const held: unknown = body;
      if (held instanceof HeldStream && !held.locked) this.#bytes = held.bytes;
      else this.#stream = body;
    }
  }

  get body(): ReadableStream<Uint8Array> | null {
    if (this.#isNull) return null;
    this.#stream ??= new HeldStream(this.#bytes ?? NO_BYTES) as unknown as ByteStream;
    return this.#stream;
  }

  /** The bytes, where the body is no stream; null where it is one. For the network model, which sends them whole. */
  get heldBytes(): Uint8Array | null {
    return this.#isNull ? NO_BYTES : this.#bytes;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.bytes();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  }

  async text(): Promise<string> {
    return decoder.decode(await this.bytes());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async bytes(): Promise<Uint8Array> {
    this.bodyUsed = true;
    if (this.#bytes !== null || this.#stream === null) return this.#bytes ?? NO_BYTES;
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#stream) chunks.push(chunk);
    return new Uint8Array(Buffer.concat(chunks));
  }
}

function streamOfBytes(bytes: Uint8Array): ByteStream {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.byteLength > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

/** What a request is made with. */
export interface SimulatedRequestInit {
  readonly method?: string | undefined;
  readonly headers?: HeadersLike | undefined;
  readonly body?: BodyLike;
}

/** A request. */
export class SimulatedRequest extends SimulatedBody {
  readonly url: string;
  readonly method: string;
  readonly headers: SimulatedHeaders;
  readonly cf: undefined = undefined;
  readonly signal: AbortSignal = NEVER_ABORTED;

  constructor(input: string | URL | SimulatedRequest, init: SimulatedRequestInit | SimulatedRequest = {}) {
    const before = input instanceof SimulatedRequest ? input : init instanceof SimulatedRequest ? init : null;
    const given = init instanceof SimulatedRequest ? {} : init;
    super(given.body ?? before?.heldBytes ?? before?.body);
    this.url = input instanceof SimulatedRequest ? input.url : `${input}`;
    this.method = given.method ?? before?.method ?? "GET";
    this.headers = new SimulatedHeaders(given.headers ?? before?.headers);
  }

  clone(): SimulatedRequest {
    return new SimulatedRequest(this);
  }
}

const NEVER_ABORTED = new AbortController().signal;

/** What a response is made with. */
export interface SimulatedResponseInit {
  readonly status?: number;
  /** The socket of a response with status 101. */
  readonly webSocket?: SimulatedWebSocket | null;
  readonly headers?: HeadersLike;
}

/** A response. */
export class SimulatedResponse extends SimulatedBody {
  readonly status: number;
  readonly headers: SimulatedHeaders;
  readonly statusText: string = "";
  readonly webSocket: SimulatedWebSocket | null;

  constructor(body?: BodyLike, init: SimulatedResponseInit = {}) {
    super(body);
    this.webSocket = init.webSocket ?? null;
    this.status = init.status ?? 200;
    this.headers = new SimulatedHeaders(init.headers);
    if (typeof body === "string" && !this.headers.has("content-type"))
      this.headers.set("content-type", "text/plain;charset=UTF-8");
  }

  static json(value: unknown, init?: SimulatedResponseInit): SimulatedResponse {
    const headers = new SimulatedHeaders(init?.headers);
    headers.set("content-type", "application/json");
    return new SimulatedResponse(JSON.stringify(value), { ...init, headers });
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  clone(): SimulatedResponse {
    return new SimulatedResponse(this.heldBytes ?? this.body, { status: this.status, headers: this.headers });
  }
}
