/** A publisher, viewer and chat participant beside an attack, with their delays. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import type { RoomClient } from "../../../core/room/client/client.ts";
import { createNodeRoomClient } from "../../../loadtest/room/node-room-client.ts";
import { type TestEdge, TestPublisher } from "../../support/publisher.ts";

const VIEWER = { "cf-connecting-ip": "198.51.100.20" };
/** Interval between requests of a kind. */
const PERIOD_MS = 20;
/** Hosts may write 20 messages per second: this many hosts suffice for all windows. */
const TALKERS = 5;

/** Delays of a witness in milliseconds, by kind. */
export interface Waits {
  readonly PUT: number[];
  readonly playlist: number[];
  readonly chat: number[];
}

/** The measured kinds. */
export const WAITED_FOR: readonly (keyof Waits)[] = ["PUT", "playlist", "chat"];

/** No delays yet. */
export const noWaits = (): Waits => ({ PUT: [], playlist: [], chat: [] });

/** Publishes, reads a playlist and writes in the room while it measures. */
export class Witness {
  readonly #door: TestEdge;
  readonly publisher: TestPublisher;
  readonly #talkers: RoomClient[] = [];
  readonly #parts = new Map<string, number>();
  #said = 0;

  constructor(door: TestEdge) {
    this.#door = door;
    this.publisher = new TestPublisher(door);
  }

  /** Starts a broadcast and joins the room, at an edge's address. */
  async begin(url: string): Promise<void> {
    const { stream, config } = this.publisher;
    await this.publisher.openWithInits();
    await this.publisher.putParts(0, 6);
    for (const { name } of config.tracks) this.#parts.set(name, 6);
    for (let talker = 0; talker < TALKERS; talker += 1) {
      const body = JSON.stringify({ room: stream, sub: `talker${talker}`, name: `Talker ${talker}`, roles: ["host"] });
      const answer = await this.#door.ask("/dev/token", { method: "POST", body });
      const { token } = (await answer.json()) as { readonly token: string };
      const socket = `${url.replace("http", "ws")}/rooms/${stream}/socket?token=${token}`;
      await new Promise<void>((welcomed) => {
        const listener = { onWelcome: (): void => welcomed() };
        const client = createNodeRoomClient(socket, "127.0.0.1", listener, systemPlatform);
        this.#talkers.push(client);
        client.start();
      });
    }
  }

  /** Leaves the room. */
  end(): void {
    for (const talker of this.#talkers) talker.stop();
  }

  /** The response to a join. */
  async newcomer(): Promise<number> {
    const answer = await this.#door.ask(`/live/${this.publisher.stream}/multivariant.m3u8`, { headers: VIEWER });
    await answer.arrayBuffer();
    return answer.status;
  }

  /**
   * Measures everything for this long; each request is expected to succeed. Playlists are read and messages written when due,
   * whether or not earlier ones were answered; parts are sequential.
   */
  async measure(ms: number, into: Waits): Promise<void> {
    const untilMs = performance.now() + ms;
    await Promise.all([
      ...this.publisher.config.tracks.map(({ name }) => this.#publish(name, untilMs, into.PUT)),
      whenDue(untilMs, () => this.#read(), into.playlist),
      whenDue(untilMs, () => this.#say(), into.chat),
    ]);
  }

  async #publish(track: string, untilMs: number, into: number[]): Promise<void> {
    for (let dueMs = performance.now(); dueMs < untilMs; dueMs = Math.max(performance.now(), dueMs + PERIOD_MS)) {
      await sleep(Math.max(0, dueMs - performance.now()));
      const part = this.#parts.get(track) ?? 0;
      into.push(await timed(() => this.#answered(this.publisher.putPart(track, part))));
      this.#parts.set(track, part + 1);
    }
  }

  #read(): Promise<void> {
    return this.#answered(this.#door.ask(this.publisher.path("video", "media.m3u8"), { headers: VIEWER }));
  }

  async #answered(asked: Promise<Response>): Promise<void> {
    const answer = await asked;
    await answer.arrayBuffer();
    expect(answer.status).toBe(200);
  }

  async #say(): Promise<void> {
    this.#said += 1;
    const outcome = await this.#talkers[this.#said % TALKERS]?.sendCommand({
      kind: "chat",
      text: `message ${this.#said}`,
    });
    expect(outcome).toMatchObject({ ok: true });
  }
}

async function whenDue(untilMs: number, work: () => Promise<void>, into: number[]): Promise<void> {
  const under: Promise<void>[] = [];
  for (let dueMs = performance.now(); dueMs < untilMs; dueMs += PERIOD_MS) {
    await sleep(Math.max(0, dueMs - performance.now()));
    under.push(timed(work).then((tookMs) => void into.push(tookMs)));
  }
  await Promise.all(under);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}
