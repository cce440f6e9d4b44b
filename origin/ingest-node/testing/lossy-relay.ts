/** A UDP relay that loses and delays datagrams, by seed. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { Clock } from "../../../core/kit/clock.ts";

/** How the relay treats datagrams of both directions. */
export interface LossyRelayOptions {
  /** The port on 127.0.0.1 to relay to. */
  readonly port: number;
  readonly seed: number;
  readonly lossPercent: number;
  /** Half of the round trip. */
  readonly delayMs: number;
  readonly clock: Clock;
}

/** An open relay for one caller. */
export interface LossyRelay {
  readonly port: number;
  /** Datagrams of both directions, and those of them that were lost. */
  counts(): { readonly total: number; readonly lost: number };
  close(): void;
}

/** Opens the relay. Handshakes pass without loss: callers repeat them four times a second only. */
export async function startLossyRelay(options: LossyRelayOptions): Promise<LossyRelay> {
  const { port, seed, lossPercent, delayMs, clock } = options;
  const generator = xoroshiro128plus(seed);
  const [front, back] = [createSocket("udp4"), createSocket("udp4")];
  let caller = 0;
  let isOpen = true;
  const counts = { total: 0, lost: 0 };
  const pass = (socket: Socket, bytes: Buffer, toPort: number): void => {
    const isHandshake = bytes.readUInt32BE(0) === 0x8000_0000;
    counts.total += 1;
    if (!isHandshake && (generator.next() >>> 0) % 10_000 < lossPercent * 100) {
      counts.lost += 1;
      return;
    }
    clock.startTimer(delayMs, () => {
      if (isOpen) socket.send(bytes, toPort, "127.0.0.1");
    });
  };
  front.on("message", (bytes, remote) => {
    caller = remote.port;
    pass(back, bytes, port);
  });
  back.on("message", (bytes) => pass(front, bytes, caller));
  front.bind(0, "127.0.0.1");
  back.bind(0, "127.0.0.1");
  await Promise.all([once(front, "listening"), once(back, "listening")]);
  return {
    port: front.address().port,
    counts: () => ({ ...counts }),
    close() {
      isOpen = false;
      front.close();
      back.close();
    },
  };
}
