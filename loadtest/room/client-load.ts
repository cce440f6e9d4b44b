/** Viewers with the product's own client that record deliveries: order, losses, duplicates and reconnects. */
import { type Platform, sleep, startInterval } from "../../core/kit/clock.ts";
import type { RoomClient } from "../../core/room/client/client.ts";
import { ROOM_CLIENT_LIMITS } from "../../core/room/client/client-limits.ts";
import type { EventDelivery } from "../../core/room/client/event-inbox.ts";
import type { RoomCounts } from "../../core/room/events.ts";
import type { ClientLoadJob, ClientLoadStats, ClientStats } from "./fleet-jobs.ts";
import { createNodeRoomClient } from "./node-room-client.ts";
import { PROTOCOL_ADAPTERS } from "./protocol-adapters.ts";

/** All clients must be welcomed within this, ms. */
const READY_TIMEOUT_MS = 60_000;

class ObservedClient {
  readonly client: RoomClient;
  readonly texts: string[] = [];
  connected = false;
  watching: number | null = null;
  #order = 0;
  #last = 0;
  #duplicates = 0;
  #disorders = 0;
  #unseen = 0;
  #resets = 0;
  #losses = 0;
  #failures = 0;
  #lostAtMs: number | null = null;
  #spreadMs = 0;
  readonly #platform: Platform;
  readonly #seen = new Set<string>();
  readonly #backMs: number[] = [];

  constructor(url: string, localAddress: string, platform: Platform) {
    this.#platform = platform;
    const listener = {
      onDelivery: (delivery: EventDelivery) => this.#checkDelivery(delivery),
      onCounts: ({ watching }: RoomCounts) => {
        this.watching = watching;
      },
      onWelcome: () => this.#handleWelcome(),
      onDisconnect: () => this.#handleDisconnect(),
    };
    this.client = createNodeRoomClient(url, localAddress, listener, platform);
  }

  stats(): ClientStats {
    return {
      connected: this.connected,
      order: this.#order,
      shown: this.texts.length,
      duplicates: this.#duplicates,
      disorders: this.#disorders,
      unseen: this.#unseen,
      // The first welcome is no reset.
      resets: this.#resets - 1,
      losses: this.#losses,
      backMs: this.#backMs,
      spreadMs: this.#spreadMs,
      watching: this.watching,
    };
  }

  #checkDelivery({ events, omitted, recovered }: EventDelivery): void {
    if (!recovered) this.#resets += 1;
    this.#unseen += omitted;
    for (const event of events) {
      if (event.kind !== "chat") continue;
      if (this.#seen.has(event.text)) this.#duplicates += 1;
      if (event.offset <= this.#last) this.#disorders += 1;
      this.#seen.add(event.text);
      this.#last = event.offset;
      this.texts.push(event.text);
      this.#order = (Math.imul(this.#order, 31) + event.offset) >>> 0;
    }
  }

  #handleWelcome(): void {
    if (this.#lostAtMs !== null) this.#backMs.push(this.#platform.clock.monotonicMs() - this.#lostAtMs);
    this.#lostAtMs = null;
    this.#failures = 0;
    this.connected = true;
  }

  #handleDisconnect(): void {
    if (this.connected) this.#losses += 1;
    this.connected = false;
    this.#lostAtMs ??= this.#platform.clock.monotonicMs();
    const boundMs = Math.min(
      ROOM_CLIENT_LIMITS.reconnectMaxMs,
      ROOM_CLIENT_LIMITS.reconnectBaseMs * 2 ** this.#failures,
    );
    this.#failures += 1;
    this.#spreadMs = Math.max(this.#spreadMs, boundMs);
  }
}

/** The clients of one process. */
export class ClientLoad {
  readonly #job: ClientLoadJob;
  readonly #index: number;
  readonly #clients: ObservedClient[] = [];
  readonly #platform: Platform;
  readonly #acknowledged: string[] = [];
  #cancelWrites: () => void = () => {};
  #messageCounter = 0;
  #refused = 0;

  /** `index`: of this process in the fleet. */
  constructor(job: ClientLoadJob, index: number, platform: Platform) {
    this.#platform = platform;
    this.#job = job;
    this.#index = index;
  }

  /** Resolves when all clients are welcomed. Rejects if that takes too long. */
  async open(): Promise<void> {
    const { server, room, viewers, tokens, perSecond } = this.#job;
    const { clock } = this.#platform;
    for (let number = 0; number < viewers; number += 1) {
      const url = `${server}${PROTOCOL_ADAPTERS.corral.socketPath(room, tokens[number] ?? "")}`;
      const person = new ObservedClient(url, `127.0.0.${2 + this.#index}`, this.#platform);
      this.#clients.push(person);
      person.client.start();
      if (number % 10 === 9) await sleep(clock, 10_000 / perSecond);
    }
    const untilMs = clock.monotonicMs() + READY_TIMEOUT_MS;
    while (this.#clients.some(({ connected }) => !connected)) {
      if (clock.monotonicMs() > untilMs) throw new Error("not all clients were welcomed");
      await sleep(clock, 20);
    }
  }

  /** Sets the rate of messages, sent by the clients with a token in turn. */
  setWriteRate(perSecond: number): void {
    this.#cancelWrites();
    this.#cancelWrites =
      perSecond === 0
        ? () => {}
        : startInterval(this.#platform.clock, 1_000 / perSecond, () => void this.#sendMessage());
  }

  stats(): ClientLoadStats {
    return {
      people: this.#clients.map((person) => person.stats()),
      acknowledged: this.#acknowledged,
      refused: this.#refused,
      shownToFirst: this.#clients[0]?.texts ?? [],
    };
  }

  close(): void {
    this.setWriteRate(0);
    for (const { client } of this.#clients) client.stop();
  }

  async #sendMessage(): Promise<void> {
    const writers = Math.min(this.#clients.length, this.#job.tokens.length);
    const person = this.#clients[this.#messageCounter % Math.max(1, writers)];
    if (person === undefined || writers === 0) return;
    this.#messageCounter += 1;
    const text = `message ${this.#index}-${this.#messageCounter}`;
    const outcome = await person.client.sendCommand({ kind: "chat", text });
    if (outcome.ok) this.#acknowledged.push(text);
    else this.#refused += 1;
  }
}
