/** A UDP relay that loses and delays datagrams, by seed. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
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

/** An open relay. */
export interface LossyRelay {
  readonly port: number;
  /** Datagrams of both directions, and those of them that were lost. */
  counts(): { readonly total: number; readonly lost: number };
  close(): void;
}

/**
 * Opens the relay. Each caller has a socket of its own behind it. SRT's handshakes pass without loss: callers repeat them four
 * times a second only.
 */
export async function startLossyRelay(options: LossyRelayOptions): Promise<LossyRelay> {
  const { port, seed, lossPercent, delayMs, clock } = options;
  const generator = xoroshiro128plus(seed);
  const front = createSocket("udp4");
  /** Sockets by the caller's address and port. */
  const backs = new Map<string, Socket>();
  let isOpen = true;
  const counts = { total: 0, lost: 0 };
  const pass = (socket: Socket, bytes: Buffer, to: Pick<RemoteInfo, "address" | "port">): void => {
    const isHandshake = bytes.readUInt32BE(0) === 0x8000_0000;
    counts.total += 1;
    if (!isHandshake && (generator.next() >>> 0) % 10_000 < lossPercent * 100) {
      counts.lost += 1;
      return;
    }
    clock.startTimer(delayMs, () => {
      if (isOpen) socket.send(bytes, to.port, to.address);
    });
  };
  const backOf = (caller: RemoteInfo): Socket => {
    const name = `${caller.address} ${caller.port}`;
    const known = backs.get(name);
    if (known !== undefined) return known;
    const back = createSocket("udp4").on("message", (bytes) => pass(front, bytes, caller));
    backs.set(name, back);
    return back;
  };
  front.on("message", (bytes, remote) => pass(backOf(remote), bytes, { address: "127.0.0.1", port }));
  front.bind(0, "127.0.0.1");
  await once(front, "listening");
  return {
    port: front.address().port,
    counts: () => ({ ...counts }),
    close() {
      isOpen = false;
      front.close();
      for (const back of backs.values()) back.close();
    },
  };
}
