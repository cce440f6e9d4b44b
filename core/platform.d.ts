/**
 * The platform types of `core/`: what Node, workerd and browsers have in common. Only the type check of this folder
 * reads it (`workerd/` folders, which adapt to the platform, are checked with the Worker): any other platform type is an error.
 */
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label?: "utf-8", options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array, options?: { stream?: boolean }): string;
}

declare class URLSearchParams implements Iterable<[string, string]> {
  constructor(init?: string | Record<string, string> | readonly (readonly [string, string])[]);
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  toString(): string;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

declare class URL {
  constructor(url: string, base?: string);
  static canParse(url: string, base?: string): boolean;
  readonly href: string;
  readonly hostname: string;
  readonly origin: string;
  readonly username: string;
  readonly password: string;
}

interface ReadableStreamDefaultController<R> {
  readonly desiredSize: number | null;
  enqueue(chunk: R): void;
  close(): void;
  error(reason: unknown): void;
}

interface ReadableStreamDefaultReader<R> {
  read(): Promise<
    { readonly done: false; readonly value: R } | { readonly done: true; readonly value?: R | undefined }
  >;
  cancel(): Promise<void>;
}

declare class ReadableStream<R> {
  constructor(
    source: {
      start?(controller: ReadableStreamDefaultController<R>): void;
      pull?(controller: ReadableStreamDefaultController<R>): void | Promise<void>;
      cancel?(): void | Promise<void>;
    },
    strategy?: { readonly highWaterMark?: number; readonly size?: (chunk: R) => number },
  );
  getReader(): ReadableStreamDefaultReader<R>;
}

declare class Headers {
  constructor(init?: Record<string, string>);
  get(name: string): string | null;
  set(name: string, value: string): void;
}

declare class Response {
  constructor(
    body: ReadableStream<Uint8Array> | null,
    init?: { readonly status?: number; readonly headers?: Record<string, string> },
  );
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
}

declare class DOMException extends Error {
  constructor(message?: string, name?: string);
}

declare class AbortSignal {
  static any(signals: readonly AbortSignal[]): AbortSignal;
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}
