/** What a sender's connections and its transport tell. Memory is fixed. */
import { HEALTH_LIMITS } from "./health-limits.ts";

/** Transport statistics since the connection opened; null where the protocol does not tell. */
export interface TransportSample {
  readonly receivedBytes: number;
  readonly roundTripMs: number | null;
  /** Time that lost packets have to come again (SRT), milliseconds. */
  readonly latencyMs?: number | null;
  /** Packets that were reported missing, repaired in time, and lost for good. */
  readonly packets: {
    readonly received: number;
    readonly missing: number;
    readonly repaired: number;
    readonly lost: number;
  } | null;
}

/** What happens to a sender's connection. */
export type SenderConnectionEvent =
  /** A sender is connected, for the first time or again, or one that was connected takes over from another. */
  | { readonly kind: "connected"; readonly isTakeOver?: boolean }
  /** The link broke; the broadcast waits for `waitMs`. */
  | { readonly kind: "lost"; readonly waitMs: number }
  /** The sender said goodbye, or was cut for a reason that is no fault. */
  | { readonly kind: "ended" }
  /** The sender's key was revoked, and the sender cut. */
  | { readonly kind: "revoked" };

/** Packets of a window. */
export interface PacketSums {
  /** Packets that were sent, as far as is known; at least 1. */
  readonly sent: number;
  readonly missing: number;
  readonly repaired: number;
  readonly lost: number;
}

/** The meter of one stream's connections. Times never go back. */
export class LinkMeter {
  readonly #connections: number[] = [];
  readonly #samples: { readonly atMs: number; readonly sample: TransportSample }[] = [];
  #connectedMs: number | null = null;
  #lastDataMs = 0;
  #lost: { readonly atMs: number; readonly waitMs: number } | null = null;
  #isRevoked = false;

  get isConnected(): boolean {
    return this.#connectedMs !== null;
  }

  get isRevoked(): boolean {
    return this.#isRevoked;
  }

  /** The break that the broadcast waits after, or null. */
  get lost(): { readonly atMs: number; readonly waitMs: number } | null {
    return this.#lost;
  }

  /** The newest transport statistics, or null. */
  get transport(): TransportSample | null {
    return this.#samples.at(-1)?.sample ?? null;
  }

  /** How long nothing has come from a connected sender, milliseconds. */
  silentMs(nowMs: number): number {
    return this.isConnected ? nowMs - this.#lastDataMs : 0;
  }

  /** Connections within the window of `reconnecting-often`. */
  connections(nowMs: number): number {
    return this.#connections.filter((atMs) => nowMs - atMs < HEALTH_LIMITS.connectionWindowMs).length;
  }

  /** Media has come. */
  pushData(nowMs: number): void {
    this.#lastDataMs = nowMs;
  }

  pushTransport(sample: TransportSample, nowMs: number): void {
    if (sample.receivedBytes !== this.transport?.receivedBytes) this.#lastDataMs = nowMs;
    this.#samples.push({ atMs: nowMs, sample });
    if (this.#samples.length > HEALTH_LIMITS.transports) this.#samples.shift();
  }

  pushConnection(event: SenderConnectionEvent, nowMs: number): void {
    this.#samples.length = 0;
    this.#connectedMs = null;
    this.#lost = null;
    if (event.kind === "lost") this.#lost = { atMs: nowMs, waitMs: event.waitMs };
    else if (event.kind === "revoked") this.#isRevoked = true;
    else if (event.kind === "connected") {
      this.#isRevoked = false;
      this.#connectedMs = nowMs;
      this.#lastDataMs = nowMs;
      if (event.isTakeOver !== true) this.#connections.push(nowMs);
      if (this.#connections.length > HEALTH_LIMITS.connections) this.#connections.shift();
    }
  }

  /** Packets of the last `windowMs`; null if the protocol does not tell. */
  packets(windowMs: number, nowMs: number): PacketSums | null {
    const first = this.#samples.find(({ atMs }) => atMs >= nowMs - windowMs)?.sample.packets;
    const last = this.transport?.packets;
    if (first === null || first === undefined || last === null || last === undefined) return null;
    const lost = last.lost - first.lost;
    return {
      sent: Math.max(1, last.received - first.received + lost),
      missing: last.missing - first.missing,
      repaired: last.repaired - first.repaired,
      lost,
    };
  }
}
