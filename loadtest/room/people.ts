/** Viewers with the product's own client, who remember what they were shown: for order, loss, duplicates and returns. */
import { CLIENT_LIMITS, type RoomClient } from "../../protocol/room/client.ts";
import type { Delivery } from "../../protocol/room/inbox.ts";
import { DIALECTS } from "./dialects.ts";
import type { PeopleJob, PeopleStats, PersonStats } from "./jobs.ts";
import { nodeClient } from "./node-client.ts";

/** Everybody must be in the room within this, ms. */
const READY_MS = 60_000;

class Person {
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
  readonly #seen = new Set<string>();
  readonly #backMs: number[] = [];

  constructor(url: string, localAddress: string) {
    this.client = nodeClient(url, localAddress, {
      delivered: (delivery) => this.#take(delivery),
      counted: ({ watching }) => {
        this.watching = watching;
      },
      welcomed: () => this.#back(),
      disconnected: () => this.#lost(),
    });
  }

  stats(): PersonStats {
    return {
      connected: this.connected,
      order: this.#order,
      shown: this.texts.length,
      duplicates: this.#duplicates,
      disorders: this.#disorders,
      unseen: this.#unseen,
      // The first welcome begins anew, as it must.
      resets: this.#resets - 1,
      losses: this.#losses,
      backMs: this.#backMs,
      spreadMs: this.#spreadMs,
      watching: this.watching,
    };
  }

  #take({ events, unseen, recovered }: Delivery): void {
    if (!recovered) this.#resets += 1;
    this.#unseen += unseen;
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

  #back(): void {
    if (this.#lostAtMs !== null) this.#backMs.push(performance.now() - this.#lostAtMs);
    this.#lostAtMs = null;
    this.#failures = 0;
    this.connected = true;
  }

  #lost(): void {
    if (this.connected) this.#losses += 1;
    this.connected = false;
    this.#lostAtMs ??= performance.now();
    const boundMs = Math.min(CLIENT_LIMITS.againMostMs, CLIENT_LIMITS.againMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#spreadMs = Math.max(this.#spreadMs, boundMs);
  }
}

/** The people of one process. */
export class People {
  readonly #job: PeopleJob;
  readonly #index: number;
  readonly #people: Person[] = [];
  readonly #acknowledged: string[] = [];
  #writing: NodeJS.Timeout | null = null;
  #said = 0;
  #refused = 0;

  /** `index`: which of the crowd's processes this is. */
  constructor(job: PeopleJob, index: number) {
    this.#job = job;
    this.#index = index;
  }

  /** Resolves when everybody is in the room. Rejects if that takes too long. */
  async open(): Promise<void> {
    const { server, room, viewers, tokens, perSecond } = this.#job;
    for (let number = 0; number < viewers; number += 1) {
      const url = `${server}${DIALECTS.corral.path(room, tokens[number] ?? "")}`;
      const person = new Person(url, `127.0.0.${2 + this.#index}`);
      this.#people.push(person);
      person.client.start();
      if (number % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 10_000 / perSecond));
    }
    const untilMs = performance.now() + READY_MS;
    while (this.#people.some(({ connected }) => !connected)) {
      if (performance.now() > untilMs) throw new Error("not everybody got into the room");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** So many messages a second from now on, by those with a token in turn. */
  write(perSecond: number): void {
    if (this.#writing !== null) clearInterval(this.#writing);
    this.#writing = perSecond === 0 ? null : setInterval(() => void this.#say(), 1_000 / perSecond);
  }

  stats(): PeopleStats {
    return {
      people: this.#people.map((person) => person.stats()),
      acknowledged: this.#acknowledged,
      refused: this.#refused,
      shownToFirst: this.#people[0]?.texts ?? [],
    };
  }

  close(): void {
    this.write(0);
    for (const { client } of this.#people) client.stop();
  }

  async #say(): Promise<void> {
    const writers = Math.min(this.#people.length, this.#job.tokens.length);
    const person = this.#people[this.#said % Math.max(1, writers)];
    if (person === undefined || writers === 0) return;
    this.#said += 1;
    const text = `message ${this.#index}-${this.#said}`;
    const outcome = await person.client.act({ kind: "chat", text });
    if (outcome.ok) this.#acknowledged.push(text);
    else this.#refused += 1;
  }
}
