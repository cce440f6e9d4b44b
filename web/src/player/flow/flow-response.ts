/** One flow response: requested, read and split until it ends. */
import type { FlowEnd } from "../../../../core/delivery/flow/flow-boxes.ts";
import { type FlowItem, FlowSplitter } from "../../../../core/delivery/flow/flow-splitter.ts";
import type { Clock } from "../../../../core/kit/clock.ts";
import { PLAYBACK_PROOF_HEADER, storePlaybackProof } from "../playback-proof.ts";
import type { EarlyFlow } from "./early-flow.ts";

/** A response that was asked for before. */
export interface EarlyAnswer {
  readonly flow: EarlyFlow;
  readonly answer: Promise<Response>;
}

/** What to ask for. */
export interface FlowResponseRequest {
  /** With its parameters. */
  readonly address: string;
  readonly token: string | null;
  readonly clock: Clock;
  /** Null: it is asked for now. */
  readonly early: EarlyAnswer | null;
}

/** Nobody waits for longer, whatever the edge says. */
const MAX_WAIT_S = 60;

/** Why no more comes: the edge said so, it refused, or the response was cut or malformed. */
export type FlowResponseEnd =
  | { readonly kind: "bye"; readonly reason: FlowEnd }
  | { readonly kind: "status"; readonly status: number; readonly retryAfterS: number | null }
  | { readonly kind: "broken" };

/** Callbacks of a response; none is called after `close`. */
export interface FlowResponseListener {
  /** `codecs` of its tracks, in the order video, audio. */
  onOpen(codecs: readonly string[]): void;
  /** `bytes` have come, with these items. */
  onItems(items: readonly FlowItem[], bytes: number, nowMs: number): void;
  onEnd(end: FlowResponseEnd): void;
}

/** See the file's first line. */
export class FlowResponse {
  readonly #abort = new AbortController();
  readonly #early: EarlyFlow | null;

  constructor(request: FlowResponseRequest, listener: FlowResponseListener) {
    this.#early = request.early?.flow ?? null;
    void this.#read(request, listener).then(
      (end) => this.isClosed || listener.onEnd(end),
      () => this.isClosed || listener.onEnd({ kind: "broken" }),
    );
  }

  get isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Drops the response. */
  close(): void {
    this.#abort.abort();
    this.#early?.drop();
  }

  /** Rejects when the response is cut or malformed. */
  async #read(
    { address, token, clock, early }: FlowResponseRequest,
    listener: FlowResponseListener,
  ): Promise<FlowResponseEnd> {
    const { signal } = this.#abort;
    const headers: HeadersInit = token === null ? {} : { authorization: `Bearer ${token}` };
    const answer = await (early?.answer ?? fetch(address, { headers, cache: "no-store", signal }));
    storePlaybackProof(answer.headers.get(PLAYBACK_PROOF_HEADER));
    if (!answer.ok || answer.body === null) {
      const seconds = Number(answer.headers.get("retry-after") ?? Number.NaN);
      return { kind: "status", status: answer.status, retryAfterS: seconds > 0 ? Math.min(seconds, MAX_WAIT_S) : null };
    }
    if (this.isClosed) return { kind: "broken" };
    listener.onOpen(codecsOf(answer.headers.get("content-type") ?? ""));
    const splitter = new FlowSplitter();
    const reader = answer.body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (this.isClosed || done) return { kind: "broken" };
      const items = splitter.push(value);
      listener.onItems(items, value.byteLength, clock.monotonicMs());
      const bye = items.findLast((item) => item.kind === "event" && item.event.kind === "bye");
      if (bye?.kind === "event" && bye.event.kind === "bye") return bye.event;
    }
  }
}

function codecsOf(contentType: string): string[] {
  const list = /codecs="([^"]*)"/.exec(contentType)?.[1] ?? "";
  return list.split(",").map((codec) => codec.trim());
}
