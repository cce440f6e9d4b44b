/** A participant of a simulated room: who they are, the page that they have open, and what they do there. */
import type { Role } from "../../../core/access/roles.ts";
import type { Command } from "../../../core/room/commands/index.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { MediaWorld } from "../media/media-world.ts";
import { ChatPage, type PageObserver } from "./chat-page.ts";
import type { ChatCode } from "./chat-part.ts";
import { drawName, drawText } from "./message-texts.ts";
import { createRoomToken } from "./room-tokens.ts";

/** Whose page must get nothing from the room, and why. */
export type RoomStanding = "may read" | "no token" | "forged token" | "token of another room";

/** Who somebody is. */
export interface PersonProfile {
  readonly number: number;
  /** Null: without an account. */
  readonly subject: string | null;
  readonly roles: readonly Role[];
  readonly standing: RoomStanding;
  readonly site: string;
  readonly usesTicket: boolean;
  readonly plays: boolean;
  readonly tokenLifetimeS: number;
  /** Mean time between two messages. */
  readonly writesEveryMs: number;
}

/** What people of a run share. */
export interface PersonWorld {
  readonly world: MediaWorld;
  readonly chat: ChatCode;
  readonly stream: string;
  readonly observer: PageObserver;
  /** Somebody has a new page. */
  opened(person: Person): void;
  /** Whether somebody may do this now, as far as ranks decide that. */
  mayDo(person: Person, command: Command): boolean;
  /** A command of somebody has an outcome; `wasAllowed`: they might do it when it was sent. */
  settled(person: Person, command: Command, outcome: CommandOutcome, wasAllowed: boolean): void;
}

/** Words that no list of words objects to; texts count with them. */
const WORDS = ["apple", "birch", "cloud", "daisy", "ember", "forest", "garden", "harbor", "island", "juniper"] as const;

/** A number in words, which moderation leaves alone. */
export function inWords(number: number): string {
  return [...String(number)].map((digit) => WORDS[Number(digit)]).join(" ");
}

/** The subject of the person with this number. */
export const subjectOfNumber = (number: number): string => `person-${inWords(number).replaceAll(" ", "-")}.`;

const EMOJI = ["🎉", "🔥", "👩‍🚀", "🇪🇺", "❤️", "🦄"] as const;
/** A page that was kept by its browser is shown again after this. */
const RESTORED_MS = { min: 300, max: 5_000 } as const;
/** Of requests for a token, so many fail at the site that signs them. */
const NO_TOKEN_CHANCE = 0.03;

/** One person. */
export class Person {
  readonly profile: PersonProfile;
  readonly #shared: PersonWorld;
  readonly #random: SeededRandom;
  /** What its tokens say of it, beside its rights; `followerSinceMs`: before the token. */
  readonly #tokenDetails: { readonly name: string; readonly followerSinceMs?: number };
  readonly #storage: { device: string | null } = { device: null };
  #page: ChatPage | null = null;
  #lives = 0;
  #messages = 0;
  /** Since when nothing of the room may reach them; null: it may. */
  forbiddenSinceMs: number | null;
  /** They are done: no page opens any more. */
  hasLeft = false;
  readonly #underWay = new Map<Command, ChatPage>();
  isWriting = true;
  /** What became of the message that is written at the end. */
  probe: "none" | "unanswered" | "answered" = "none";
  /** Why its client stopped for good, though it has the right to read. */
  lastStop: string | null = null;
  /** Its tokens are revoked. */
  isRevoked = false;
  /** It sends what no client of the product sends, likes without number among it. */
  isAttacker = false;
  /** What it wrote under an id of its own, several texts under one among it. */
  readonly rawTexts: Map<string, Set<string>> = new Map();
  /** Nobody has ever restricted this person. */
  isUnrestricted = true;
  likes = 0;
  /** Likes that were given while the page was connected. */
  sureLikes = 0;
  /** Messages that were acknowledged as stored. */
  accepted = 0;

  constructor(shared: PersonWorld, profile: PersonProfile) {
    this.#shared = shared;
    this.profile = profile;
    this.#random = shared.world.simulation.random.fork(`person ${profile.number}`);
    this.#tokenDetails = {
      name: drawName(this.#random, `Name of ${profile.subject}`),
      ...(this.#random.chance(0.4) ? { followerSinceMs: this.#random.integer(0, 1_200_000) } : {}),
    };
    this.forbiddenSinceMs = profile.standing === "may read" ? null : 0;
  }

  get page(): ChatPage | null {
    return this.#page;
  }

  get name(): string {
    return this.profile.subject ?? `anonymous ${this.profile.number}`;
  }

  /** What frames about this person contain. */
  get marks(): readonly string[] {
    return this.profile.subject === null ? [] : [`"${this.profile.subject}"`, `"${this.#textStart}`];
  }

  /** Whether a command of this person's page that names a subject has no outcome yet; a page that is gone sends none again. */
  isActingOn(subject: string): boolean {
    return [...this.#underWay].some(([command, page]) => {
      const named = command.kind === "accept" ? this.profile.subject : "subject" in command ? command.subject : null;
      return page === this.#page && named === subject;
    });
  }

  get #textStart(): string {
    return `${inWords(this.profile.number)} says `;
  }

  /** Opens the page. */
  open(): void {
    if (this.hasLeft || this.#page !== null) return;
    this.#lives += 1;
    const { world, chat, stream, observer } = this.#shared;
    const { number, site, usesTicket, plays } = this.profile;
    const process = new SimulatedProcess(world.simulation, `viewer${number}@${site}`, this.#lives);
    const page = new ChatPage({
      world,
      chat,
      process,
      stream,
      site,
      address: `10.${number >> 8}.${number & 255}.1`,
      getToken: this.profile.subject === null && !usesTicket ? null : () => this.#requestToken(),
      usesTicket,
      storage: this.#storage,
      observer,
    });
    this.#page = page;
    this.#shared.opened(this);
    page.client.start();
    if (plays) page.client.setPlaying(true);
    this.#act(page, process);
  }

  /** Writes nothing any more, and plays where it came to play. */
  quieten(): void {
    this.isWriting = false;
    if (this.profile.plays) this.#page?.client.setPlaying(true);
  }

  /** The page is gone: without a word, or closed. */
  close(how: "vanishes" | "closes"): void {
    const page = this.#page;
    if (page === null) return;
    this.#page = null;
    if (how === "closes") page.client.stop();
    const { process } = page.options;
    // What was sent last still leaves.
    this.#shared.world.simulation.after(how === "closes" ? 500 : 0, () => process.end(how));
  }

  /** Leaves for good. */
  leave(how: "vanishes" | "closes"): void {
    this.hasLeft = true;
    this.close(how);
  }

  /** The browser keeps the page aside, without its connection, and shows it again. */
  setAside(): void {
    const page = this.#page;
    if (page === null || page.hasStopped) return;
    page.isWelcomed = false;
    page.client.stop();
    page.options.process.startTimer(this.#random.integer(RESTORED_MS.min, RESTORED_MS.max), () => {
      if (this.#page === page && !page.hasStopped) page.client.start();
    });
  }

  /** Sends a command; its outcome is observed. `programTimeMs`: of the picture on screen. */
  async send(command: Command, programTimeMs: number | null = null): Promise<CommandOutcome> {
    const page = this.#page;
    if (page === null) return { ok: false, error: "unavailable" };
    const wasAllowed = this.#shared.mayDo(this, command);
    this.#underWay.set(command, page);
    const outcome = await page.client.sendCommand(command, programTimeMs);
    this.#underWay.delete(command);
    this.#shared.settled(this, command, outcome, wasAllowed);
    return outcome;
  }

  /** Writes the next message. */
  write(): Promise<CommandOutcome> {
    this.#messages += 1;
    return this.send({ kind: "chat", text: `${this.#textStart}${inWords(this.#messages)}` });
  }

  /** Writes what a mode, a list or a reviewer may object to, or an answer to another message. */
  #writeAnything(): void {
    this.#messages += 1;
    const random = this.#random;
    const text = drawText(random, `${this.#textStart}${inWords(this.#messages)}`);
    const { position } = this.#page ?? { position: 0 };
    const replyTo = random.chance(0.1) && position > 0 ? { replyTo: random.integer(1, position + 2) } : {};
    const nowMs = this.#shared.world.simulation.clock.nowMs();
    const programTimeMs = random.pick([null, null, nowMs - random.integer(500, 60_000), nowMs - 400_000]);
    void this.send({ kind: "chat", text, ...replyTo }, programTimeMs);
  }

  #act(page: ChatPage, process: SimulatedProcess): void {
    const random = this.#random;
    const { writesEveryMs, subject } = this.profile;
    process.startTimer(Math.round(writesEveryMs * (0.2 + 1.6 * random.fraction())), () => {
      if (this.#page !== page) return;
      const what = random.fraction();
      if (!this.isWriting) return;
      if (what < 0.25) {
        page.client.addReaction(random.chance(0.7) ? null : random.pick(EMOJI));
        this.likes += 1;
        if (page.isWelcomed) this.sureLikes += 1;
      } else if (what < 0.3 && subject !== null) void this.send({ kind: "delete", target: 1 });
      else if (what < 0.33) page.client.setPlaying(false);
      else
        for (let count = random.chance(0.06) ? random.integer(3, 8) : 1; count > 0; count -= 1) this.#writeAnything();
      if (what >= 0.33 && this.profile.plays) page.client.setPlaying(true);
      this.#act(page, process);
    });
  }

  #requestToken(): Promise<string | null> {
    if (this.#random.chance(NO_TOKEN_CHANCE)) return Promise.reject(new Error("the site that signs tokens is down"));
    return Promise.resolve(this.#createToken());
  }

  #createToken(): string | null {
    const { subject, roles, standing, tokenLifetimeS } = this.profile;
    if (subject === null || standing === "no token") return null;
    const { stream, world } = this.#shared;
    const nowMs = world.simulation.clock.nowMs();
    const { name, followerSinceMs } = this.#tokenDetails;
    return createRoomToken({
      room: standing === "token of another room" ? `not-${stream}` : stream,
      subject,
      roles,
      name,
      ...(followerSinceMs === undefined ? {} : { followerSinceMs: nowMs - followerSinceMs }),
      nowMs,
      lifetimeS: tokenLifetimeS,
      isForged: standing === "forged token",
    });
  }
}
