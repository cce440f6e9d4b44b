/** A sender without a network, for tests of the node. */
import type { IngestEvent, IngestProtocol } from "../../../core/ingest/media-event.ts";
import { parseStreamName, type StreamName } from "../../../core/kit/ids.ts";
import type { RefusalReason, SenderConnection, SenderEnd, SenderHandlers } from "../sender-connection.ts";

const DEFAULT_STREAM = parseStreamName("demo") as StreamName;

/** A connection as a listener hands it over. */
export class FakeSender implements SenderConnection {
  readonly protocol: IngestProtocol = "rtmp";
  readonly remoteAddress: string = "192.0.2.1";
  readonly stream: StreamName;
  readonly key: string;
  refusal: string | null = null;
  /** Why it was refused, for its protocol. */
  reason: RefusalReason | null = null;
  closing: string | null = null;
  #handlers: SenderHandlers | null = null;

  constructor(key = "secret", stream = "demo") {
    this.key = key;
    this.stream = parseStreamName(stream) ?? DEFAULT_STREAM;
  }

  /** Whether it was accepted, also if it has ended since. */
  get isAccepted(): boolean {
    return this.#handlers !== null;
  }

  accept(handlers: SenderHandlers): void {
    this.#handlers = handlers;
  }

  refuse(sentence: string, reason: RefusalReason = "key"): void {
    this.refusal = sentence;
    this.reason = reason;
  }

  close(sentence: string): void {
    this.closing = sentence;
    this.#handlers?.onEnd({ kind: "closed" });
  }

  statistics(): ReturnType<SenderConnection["statistics"]> {
    return { receivedBytes: 0, roundTripMs: null, packets: null };
  }

  /** Sends an event, unless it was closed. */
  send(event: IngestEvent): void {
    if (this.closing === null) this.#handlers?.onEvent(event);
  }

  /** Ends by itself. */
  end(end: SenderEnd): void {
    this.#handlers?.onEnd(end);
  }
}
