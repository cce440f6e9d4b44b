/** Everybody who comes to a simulated room. */
import { startRoomAttack } from "../attack/room-attacker.ts";
import type { SeededRandom } from "../kernel/seeded-random.ts";
import { Person, type PersonProfile, type PersonWorld, type RoomStanding, subjectOfNumber } from "./person.ts";

/** What a crowd is made of. */
export interface CrowdOptions {
  readonly shared: PersonWorld;
  readonly sites: readonly string[];
  readonly needsTokens: boolean;
  readonly tokenLifetimeS: number;
  readonly writesEveryMs: number;
  /** Share of those who play: while nobody does, shards hibernate. */
  readonly playingShare: number;
}

const ANONYMOUS_SHARE = 0.15;
const INTRUDER_SHARE = 0.12;
const TICKET_SHARE = 0.8;

/** Of those who come with the product's client, so many are staff. */
const STAFF = 3;

/** The people of one room. The first who is no attacker is the host, and the next two are moderators. */
export class Crowd {
  readonly people: Person[] = [];
  readonly #options: CrowdOptions;
  readonly #random: SeededRandom;

  constructor(options: CrowdOptions) {
    this.#options = options;
    this.#random = options.shared.world.simulation.random.fork("crowd");
  }

  /** People with an open page. */
  get present(): Person[] {
    return this.people.filter(({ page }) => page !== null);
  }

  /** The staff, the host first. */
  get staff(): Person[] {
    return this.people.filter(({ profile }) => profile.roles.some((role) => role === "host" || role === "moderator"));
  }

  /** Somebody new opens the page. */
  add(isAttacker = false): Person {
    // Attackers never have a rank: what they are told to have done would be allowed.
    const isStaff = !isAttacker && this.people.filter((person) => !person.isAttacker).length < STAFF;
    const person = new Person(this.#options.shared, this.#drawProfile(this.people.length, isStaff));
    person.isAttacker = isAttacker;
    this.people.push(person);
    person.open();
    return person;
  }

  /** Somebody comes with a client of their own, and goes at a time of the simulation. */
  addAttacker(untilMs: number): void {
    const { simulation } = this.#options.shared.world;
    const person = this.addFor(Math.max(0, untilMs - simulation.nowMs), true);
    person.likes = Number.POSITIVE_INFINITY;
    startRoomAttack(person, this.#random.fork(`attacker ${person.profile.number}`), simulation);
  }

  /** Somebody new opens the page, and goes after a while. */
  addFor(durationMs: number, isAttacker = false): Person {
    const person = this.add(isAttacker);
    this.#options.shared.world.simulation.after(durationMs, () => person.leave("closes"));
    return person;
  }

  /** People come within a second, and go after a while. */
  addForAWhile(count: number, durationMs: number): void {
    const { simulation } = this.#options.shared.world;
    for (let index = 0; index < count; index += 1) {
      simulation.after(this.#random.integer(0, 1_000), () => {
        const person = this.add();
        const how = this.#random.chance(0.5) ? "vanishes" : "closes";
        simulation.after(durationMs + this.#random.integer(0, 1_000), () => person.leave(how));
      });
    }
  }

  /** Everybody leaves. */
  removeAll(): void {
    for (const person of this.people) person.leave("closes");
  }

  #drawProfile(number: number, isStaff: boolean): PersonProfile {
    const { sites, needsTokens, tokenLifetimeS, writesEveryMs, playingShare } = this.#options;
    const random = this.#random;
    const kind = random.fraction();
    const standing = this.#drawStanding(isStaff || !needsTokens);
    const isAnonymous = !isStaff && (standing === "no token" || (!needsTokens && kind < ANONYMOUS_SHARE));
    const roles = !isStaff ? [] : this.staff.length === 0 ? (["host"] as const) : (["moderator"] as const);
    const usesTicket = random.chance(TICKET_SHARE);
    return {
      number,
      subject: isAnonymous ? null : subjectOfNumber(number),
      roles: roles.length > 0 || kind < 0.7 ? roles : kind < 0.85 ? ["subscriber"] : ["verified"],
      standing,
      site: random.pick(sites),
      usesTicket,
      // Without a ticket nobody counts who has no account.
      plays: random.chance(playingShare) && (usesTicket || !isAnonymous),
      tokenLifetimeS,
      writesEveryMs,
    };
  }

  #drawStanding(mayRead: boolean): RoomStanding {
    if (mayRead || !this.#random.chance(INTRUDER_SHARE)) return "may read";
    return this.#random.pick(["no token", "forged token", "token of another room"]);
  }
}
