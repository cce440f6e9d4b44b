/** The responses of one playback that are open: the active one, and a successor. */
import type { FlowEvent } from "../../../../core/delivery/flow/flow-boxes.ts";
import type { FlowItem } from "../../../../core/delivery/flow/flow-splitter.ts";
import type { CarriedStatus } from "../status.ts";
import type { EarlyFlow } from "./early-flow.ts";
import type { FlowPlaybackOptions } from "./flow-options.ts";
import { type EarlyAnswer, FlowResponse, type FlowResponseEnd } from "./flow-response.ts";
import type { FlowSource } from "./flow-sequence.ts";
import { flowQuery } from "./flow-start.ts";

/** One of them. */
export interface OpenResponse {
  readonly source: FlowSource;
  readonly rung: number;
  readonly response: FlowResponse;
  /** When it was asked for: monotonic, and by the wall clock. */
  readonly sentMs: number;
  readonly askedMs: number;
  codecs: readonly string[];
  isCaughtUp: boolean;
  hasStatus: boolean;
}

/** Callbacks; none is called for a response that was closed. */
export interface OpenResponsesListener {
  onItems(opened: OpenResponse, items: readonly FlowItem[], bytes: number, nowMs: number): void;
  onEnd(opened: OpenResponse, end: FlowResponseEnd): void;
}

/** See the file's first line. */
export class OpenResponses {
  readonly #options: FlowPlaybackOptions;
  readonly #listener: OpenResponsesListener;
  readonly #open = new Map<number, OpenResponse>();
  #early: EarlyFlow | null;
  #count = 0;

  constructor(options: FlowPlaybackOptions, listener: OpenResponsesListener) {
    this.#options = options;
    this.#early = options.early;
    this.#listener = listener;
  }

  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  /** Whether one of them brings the stream's status. */
  get carriesStatus(): boolean {
    return [...this.#open.values()].some(({ hasStatus }) => hasStatus);
  }

  /** The response of `source`, while it is open. */
  find(source: FlowSource | null): OpenResponse | null {
    return this.#open.get(source?.id ?? -1) ?? null;
  }

  /** Asks for another response, in the rendition `rung`. */
  open(rung: number, join: "latest" | "next"): FlowSource {
    const { url, audio, rungs, access, platform } = this.#options;
    const { clock } = platform;
    const rendition = rungs[rung]?.name ?? "none";
    const source: FlowSource = { id: ++this.#count, rendition };
    const address = `${url}?${flowQuery(rungs[rung]?.name ?? null, audio, join)}`;
    const early = this.#takeEarly(address);
    const sentMs = early?.flow.sentMs ?? clock.monotonicMs();
    const askedMs = early?.flow.askedMs ?? clock.nowMs();
    const response = new FlowResponse(
      { address, token: access.token(), clock, early },
      {
        onOpen: (codecs) => {
          opened.codecs = codecs;
        },
        onItems: (items, bytes, nowMs) => this.#listener.onItems(opened, items, bytes, nowMs),
        onEnd: (end) => this.#listener.onEnd(opened, end),
      },
    );
    const opened: OpenResponse = {
      ...{ source, rung, response, sentMs, askedMs, codecs: [], isCaughtUp: false, hasStatus: false },
    };
    this.#open.set(source.id, opened);
    return source;
  }

  /** What was asked for before, if it is the same. */
  #takeEarly(address: string): EarlyAnswer | null {
    const flow = this.#early;
    this.#early = null;
    const answer = flow?.take(address) ?? null;
    if (flow !== null && answer !== null) return { flow, answer };
    flow?.drop();
    return null;
  }

  /** Closes that of `source`. */
  close(source: FlowSource): void {
    this.#open.get(source.id)?.response.close();
    this.#open.delete(source.id);
  }

  /** Closes all, but those of `kept`. */
  closeAll(...kept: readonly (FlowSource | null)[]): void {
    for (const { source } of [...this.#open.values()])
      if (!kept.some((each) => each?.id === source.id)) this.close(source);
  }
}

/** What a status event of `opened` says. */
export function readCarriedStatus(
  opened: OpenResponse,
  { atMs, status }: FlowEvent & { readonly kind: "status" },
): CarriedStatus {
  // The first one answers the request; when a later one was written is known to the server alone.
  const askedMs = opened.hasStatus ? Number.NEGATIVE_INFINITY : opened.askedMs;
  opened.hasStatus = true;
  return { body: status, atMs, askedMs };
}
