/** One TCP or TLS connection of an RTMP sender: bytes between the socket and the session, deadlines, the ways to end. */
import type { Socket } from "node:net";
import type { TransportSample } from "../../core/ingest/health/link-meter.ts";
import type { IngestProtocol } from "../../core/ingest/media-event.ts";
import type { RtmpPublishTarget } from "../../core/ingest/rtmp/publish-target.ts";
import { RtmpSession } from "../../core/ingest/rtmp/session.ts";
import type { RtmpSessionEnd, RtmpSessionEvent, RtmpSessionOutput } from "../../core/ingest/rtmp/session-outbox.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { SenderConnection, SenderEnd, SenderHandlers } from "./sender-connection.ts";

/** Limits of a connection. */
export const RTMP_CONNECTION_LIMITS = {
  /** Time from the connection to the publish request, TLS and handshake included: encoders need a few round trips. */
  publishMs: 10_000,
  /** Time that the decision on a publish request may take; then the sender is refused. */
  decisionMs: 10_000,
  /** Silence after which an accepted sender is lost: encoders send audio or video many times a second. */
  silenceMs: 30_000,
  /** Time for a sender to read the reason of its end before the socket is destroyed. */
  lingerMs: 2_000,
  /** Unsent bytes: a sender that does not read its answers is lost. Answers in ordinary sessions are under 4 KiB. */
  unsentBytes: 262_144,
  /**
   * Period of the pings that measure the round trip, the encoder's delay of its answer included. Rare, because FFmpeg
   * closes its socket without reading them: one that arrives at that moment resets the connection and may cost the goodbye.
   */
  pingMs: 10_000,
  /**
   * Pings whose least round trip is told. An answer waits until the encoder reads its socket again, and is read when this
   * process runs: one of thousands on a busy machine takes longer than a distant link.
   */
  pings: 3,
} as const;

/** What a connection needs. */
export interface RtmpConnectionOptions {
  readonly socket: Socket;
  readonly protocol: IngestProtocol;
  readonly remoteAddress: string;
  readonly platform: Pick<Platform, "clock" | "random">;
  readonly onSender: (connection: SenderConnection) => void;
}

/**
 * `opening` until the publish request, `deciding` until `accept` or `refuse`, `accepted`, `closing` while the sender
 * reads the reason of its end, `closed`.
 */
type ConnectionState = "opening" | "deciding" | "accepted" | "closing" | "closed";

/** A connection, before and after it publishes. */
export class RtmpConnection {
  readonly #options: RtmpConnectionOptions;
  readonly #session: RtmpSession;
  #state: ConnectionState = "opening";
  /** When the state began, or the last byte came. */
  #sinceMs: number;
  #handlers: SenderHandlers | null = null;
  /** How it ended, once it has. */
  #end: SenderEnd | null = null;
  #receivedBytes = 0;
  /** When the last ping was sent, or the sender accepted. */
  #pingedMs = 0;
  /** Of the last pings. */
  readonly #roundTripsMs: number[] = [];

  constructor(options: RtmpConnectionOptions) {
    this.#options = options;
    this.#session = new RtmpSession(options.platform.random);
    this.#sinceMs = this.#nowMs();
    const { socket } = options;
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("error", ({ message }) => this.#finish({ kind: "lost", detail: `The connection failed: ${message}.` }));
    socket.on("end", () => {
      this.#finish({ kind: "lost", detail: "The sender closed the connection without unpublishing." });
      socket.end();
    });
    socket.on("close", () => {
      this.#finish({ kind: "lost", detail: "The connection closed." });
      this.#state = "closed";
    });
  }

  /** Ends what is overdue; pings an accepted sender. To be called about once a second. */
  checkDeadlines(): void {
    const limits = RTMP_CONNECTION_LIMITS;
    const elapsedMs = this.#nowMs() - this.#sinceMs;
    if (this.#state === "opening" && elapsedMs >= limits.publishMs) this.abort();
    else if (this.#state === "closing" && elapsedMs >= limits.lingerMs) this.abort();
    else if (this.#state === "deciding" && elapsedMs >= limits.decisionMs) {
      this.#refuse("The server could not decide in time. Try again.");
    } else if (this.#state === "accepted") {
      if (elapsedMs >= limits.silenceMs) {
        this.#finish({ kind: "lost", detail: `The sender was silent for ${limits.silenceMs / 1_000} s.` });
        this.abort();
      } else if (this.#nowMs() - this.#pingedMs >= limits.pingMs) this.#ping();
    }
  }

  /** Closes at once, without a reason for the sender. */
  abort(): void {
    this.#finish({ kind: "closed" });
    this.#state = "closed";
    this.#options.socket.destroy();
  }

  #nowMs(): number {
    return this.#options.platform.clock.monotonicMs();
  }

  #enter(state: ConnectionState): void {
    this.#state = state;
    this.#sinceMs = this.#nowMs();
  }

  #receive(chunk: Uint8Array): void {
    // What comes while the sender reads the reason of its end is not taken.
    if (this.#end !== null) return;
    this.#receivedBytes += chunk.length;
    if (this.#state === "accepted") this.#sinceMs = this.#nowMs();
    this.#apply(this.#session.receive(chunk));
  }

  #apply({ send, events }: RtmpSessionOutput): void {
    this.#write(send);
    for (const event of events) this.#handleEvent(event);
  }

  #write(pieces: readonly Uint8Array[]): void {
    const { socket } = this.#options;
    if (!socket.writable) return;
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
    if (socket.writableLength <= RTMP_CONNECTION_LIMITS.unsentBytes) return;
    this.#finish({ kind: "lost", detail: "The sender does not read the answers of the server." });
    this.abort();
  }

  #handleEvent(event: RtmpSessionEvent): void {
    switch (event.kind) {
      case "publish":
        this.#enter("deciding");
        // Nothing is read for a sender that may be refused.
        this.#options.socket.pause();
        this.#options.onSender(this.#senderConnection(event.target));
        return;
      case "media":
        // A handler may have closed the connection.
        if (this.#end === null) this.#handlers?.onEvent(event.media);
        return;
      case "pong":
        if (event.number === pingNumber(this.#pingedMs)) this.#pushRoundTrip(this.#nowMs() - this.#pingedMs);
        return;
      case "end":
        this.#finish(senderEnd(event.end));
        this.#linger();
        return;
    }
  }

  #senderConnection({ stream, key }: RtmpPublishTarget): SenderConnection {
    const { protocol, remoteAddress } = this.#options;
    return {
      protocol,
      remoteAddress,
      stream,
      key,
      accept: (handlers) => this.#accept(handlers),
      refuse: (sentence) => this.#refuse(sentence),
      close: (sentence) => this.#close(sentence),
      statistics: () => this.#statistics(),
    };
  }

  #accept(handlers: SenderHandlers): void {
    if (this.#handlers !== null) return;
    this.#handlers = handlers;
    if (this.#end !== null) {
      const end = this.#end;
      queueMicrotask(() => handlers.onEnd(end));
      return;
    }
    this.#enter("accepted");
    this.#pingedMs = this.#nowMs();
    this.#apply(this.#session.accept());
    this.#options.socket.resume();
  }

  #refuse(sentence: string): void {
    if (this.#state !== "deciding" || this.#end !== null) return;
    this.#write(this.#session.refuse(sentence).send);
    this.#finish({ kind: "closed" });
    this.#linger();
  }

  #close(sentence: string): void {
    if (this.#end !== null) return;
    this.#write(this.#session.close(sentence).send);
    this.#finish({ kind: "closed" });
    this.#linger();
  }

  #statistics(): TransportSample {
    const roundTripMs = this.#roundTripsMs.length === 0 ? null : Math.min(...this.#roundTripsMs);
    return { receivedBytes: this.#receivedBytes, roundTripMs, packets: null };
  }

  #pushRoundTrip(ms: number): void {
    this.#roundTripsMs.push(ms);
    if (this.#roundTripsMs.length > RTMP_CONNECTION_LIMITS.pings) this.#roundTripsMs.shift();
  }

  #ping(): void {
    this.#pingedMs = this.#nowMs();
    this.#apply(this.#session.ping(pingNumber(this.#pingedMs)));
  }

  /** Reports the end, once. */
  #finish(end: SenderEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#handlers?.onEnd(end);
  }

  /** Sends what is unsent and discards what still comes: a socket that is destroyed with unread input loses its output. */
  #linger(): void {
    if (this.#state === "closed") return;
    this.#enter("closing");
    this.#options.socket.end();
    this.#options.socket.resume();
  }
}

/** A ping carries its time, so that answers to earlier ones are told apart. */
function pingNumber(sentMs: number): number {
  return Math.floor(sentMs) >>> 0;
}

function senderEnd(end: RtmpSessionEnd): SenderEnd {
  return end.kind === "goodbye" ? end : { kind: "invalid", detail: end.detail };
}
