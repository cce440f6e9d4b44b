/** An SRT listener on a virtual clock and callers to it, for tests. */
import type { TestSenderOptions } from "../../../core/ingest/srt/testing.ts";
import { VirtualClock } from "../../../core/kit/virtual-clock.ts";
import type { SenderConnection, SenderEnd, SenderListener } from "../sender-connection.ts";
import { type SrtListenerOptions, type SrtRefusal, startSrtListener } from "../srt-listener.ts";
import { openTestCaller, type TestSrtCaller } from "./srt-caller.ts";

const cleanups: (() => Promise<void>)[] = [];

/** Closes what this module opened; for `afterEach`. */
export async function closeTestSockets(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A listener and what it was asked and told. */
export interface TestSrtListener {
  readonly clock: VirtualClock;
  readonly listener: SenderListener;
  readonly senders: SenderConnection[];
  readonly refusals: SrtRefusal[];
  /** Stream, key and address of each look-up. */
  readonly lookups: string[];
}

/** Opens a listener on a virtual clock that knows one key. */
export async function openTestListener(options: Partial<SrtListenerOptions> = {}): Promise<TestSrtListener> {
  const clock = new VirtualClock();
  const senders: SenderConnection[] = [];
  const refusals: SrtRefusal[] = [];
  const lookups: string[] = [];
  const listener = await startSrtListener({
    host: "127.0.0.1",
    port: 0,
    clock,
    latencyMs: 120,
    release: "in-order",
    resolvePassphrase: async (stream, keyId, remoteAddress) => {
      lookups.push(`${stream} ${keyId} ${remoteAddress}`);
      return keyId === "k100000000" ? "a passphrase" : null;
    },
    onSender: (sender) => senders.push(sender),
    onRefused: (refusal) => refusals.push(refusal),
    ...options,
  });
  cleanups.push(() => listener.close());
  return { clock, listener, senders, refusals, lookups };
}

/** Opens a caller to a port. */
export async function openCaller(port: number, options: Partial<TestSenderOptions> = {}): Promise<TestSrtCaller> {
  const { caller, close } = await openTestCaller(port, options);
  cleanups.push(close);
  return caller;
}

/** The handshake type that refuses with a reason. */
export const refusalType = (reason: number): number => 1_000 + reason;
/** The handshake type that accepts. */
export const ACCEPTED = 0xffff_ffff;

/** An accepted sender. */
export interface AcceptedSender {
  /** Kinds of its events. */
  readonly kinds: string[];
  readonly end: Promise<SenderEnd>;
  nextEvent(): Promise<void>;
}

/** Accepts a sender. */
export function acceptSender(sender: SenderConnection | undefined): AcceptedSender {
  const { promise: end, resolve } = Promise.withResolvers<SenderEnd>();
  const kinds: string[] = [];
  const waiters: (() => void)[] = [];
  sender?.accept({
    onEvent: (event) => {
      kinds.push(event.kind);
      for (const wake of waiters.splice(0)) wake();
    },
    onEnd: resolve,
  });
  return { kinds, end, nextEvent: () => new Promise<void>((wake) => waiters.push(wake)) };
}
