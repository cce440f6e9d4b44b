/**
 * What staff do in some runs besides settings: invitations of moderators, and messages that the rules refused. Chance of its own, so
 * that the other runs are as they were.
 */
import type { Command } from "../../../core/room/commands/index.ts";
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { Simulation } from "../kernel/simulation.ts";
import type { Crowd } from "./crowd.ts";
import type { Person } from "./person.ts";
import type { RoomChecker } from "./room-checker.ts";

/** The share of the runs. */
const RUNS = 0.4;
const EVERY_MS = { min: 2_000, max: 8_000 } as const;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const SECRET_CHARS = 43;

/** See the file's first lines. */
export class StaffExtras {
  readonly #simulation: Simulation;
  readonly #crowd: Crowd;
  readonly #checker: RoomChecker;
  readonly #random: SeededRandom;
  /** Subjects whose role is being changed by somebody. */
  readonly #changing: Set<string>;

  constructor(simulation: Simulation, crowd: Crowd, checker: RoomChecker, changing: Set<string>) {
    this.#simulation = simulation;
    this.#crowd = crowd;
    this.#checker = checker;
    this.#random = simulation.random.fork("staff extras");
    this.#changing = changing;
  }

  /** Acts until a time of the simulation. */
  async act(untilMs: number): Promise<void> {
    if (!this.#random.chance(RUNS)) return;
    for (;;) {
      await this.#simulation.sleep(this.#random.integer(EVERY_MS.min, EVERY_MS.max));
      if (this.#simulation.nowMs > untilMs) return;
      const present = this.#crowd.staff.filter(
        ({ page, forbiddenSinceMs }) => page?.isWelcomed === true && forbiddenSinceMs === null,
      );
      if (present.length === 0) continue;
      const staff = this.#random.pick(present);
      void (this.#random.chance(0.5) ? this.#invite(staff) : this.#settleRefused(staff));
    }
  }

  /** One link, which two people may use at once; at times it is revoked before, or staff tries it. */
  async #invite(staff: Person): Promise<void> {
    const random = this.#random;
    const secret = Array.from({ length: SECRET_CHARS }, () => ALPHABET[random.integer(0, 63)]).join("");
    if (!(await staff.send({ kind: "invite", secret })).ok) return;
    if (random.chance(0.3)) await this.#revokeSome(staff);
    if (random.chance(0.1)) await staff.send({ kind: "accept", secret, isConfirmed: true });
    const people = this.#pickPeople(random.chance(0.4) ? 2 : 1);
    for (const person of people) {
      if (random.chance(0.5)) await person.send({ kind: "accept", secret, isConfirmed: false });
    }
    const accepted = await Promise.all(people.map((person) => this.#accept(person, secret)));
    if (accepted.filter((isAccepted) => isAccepted).length > 1)
      this.#simulation.fail("invitation", `${people.map(({ name }) => name).join(" and ")} accepted one invitation`);
  }

  async #revokeSome(staff: Person): Promise<void> {
    const outcome = await staff.send({ kind: "list", what: "invitations" });
    const listed = outcome.ok && outcome.list?.what === "invitations" ? outcome.list.invitations : [];
    for (const { id } of listed.slice(0, this.#random.integer(1, 3)))
      await staff.send({ kind: "uninvite", invitation: id });
  }

  #pickPeople(count: number): Person[] {
    const { reviews, ledger } = this.#checker;
    const moderators = new Set(reviews.moderators);
    const able = this.#crowd.present.filter(
      ({ profile: { subject, standing, roles }, forbiddenSinceMs, isAttacker, isWriting }) =>
        subject !== null &&
        standing === "may read" &&
        roles.every((role) => role !== "host" && role !== "moderator") &&
        forbiddenSinceMs === null &&
        !isAttacker &&
        isWriting &&
        !moderators.has(subject) &&
        !this.#changing.has(subject) &&
        !ledger.erased.has(subject),
    );
    const [first] = able.length === 0 ? [] : [this.#random.pick(able)];
    if (first === undefined) return [];
    const others = able.filter((person) => person !== first);
    return count === 1 || others.length === 0 ? [first] : [first, this.#random.pick(others)];
  }

  /** True if the room says so. */
  async #accept(person: Person, secret: string): Promise<boolean> {
    const { subject } = person.profile;
    if (subject === null) return false;
    const { reviews } = this.#checker;
    this.#changing.add(subject);
    reviews.sendGrant(subject);
    const outcome = await person.send({ kind: "accept", secret, isConfirmed: true });
    // Of a command without an answer nobody knows, and the subject is left alone.
    if (!outcome.ok && outcome.error === "unavailable") return false;
    if (outcome.ok) reviews.confirmGrant(subject);
    this.#changing.delete(subject);
    return outcome.ok;
  }

  /** Shows or drops messages that the rules refused, as a list has them. */
  async #settleRefused(staff: Person): Promise<void> {
    const { reviews } = this.#checker;
    const outcome = await staff.send({ kind: "list", what: "denied" });
    const listed = outcome.ok && outcome.list?.what === "denied" ? outcome.list.denied : [];
    for (const { id, text } of listed.slice(0, this.#random.integer(1, 4))) {
      const command: Command = { kind: this.#random.pick(["approve", "deny"] as const), held: id };
      if (command.kind === "approve") {
        reviews.hold(id, text);
        reviews.approve(id);
      }
      await staff.send(command);
    }
  }
}
