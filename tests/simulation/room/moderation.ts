/** What staff and operator do in a run: sanctions, removals, pins; revocations, stops, erasures. */
import type { Command } from "../../../core/room/commands/index.ts";
import { rankOfRoles } from "../../../core/room/permissions.ts";
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { Simulation } from "../kernel/simulation.ts";
import type { MediaWorld } from "../media/media-world.ts";
import type { Crowd } from "./crowd.ts";
import { inWords, type Person } from "./person.ts";
import type { RoomChecker } from "./room-checker.ts";

/** Times between two acts. */
const STAFF_MS = { min: 1_000, max: 7_000 } as const;
const OPERATOR_MS = { min: 6_000, max: 30_000 } as const;
/** Whoever is to be silenced writes on meanwhile. */
const SPAM_MS = [60, 120, 180, 300] as const;
const STOP_MS = { min: 1_000, max: 8_000 } as const;
/** A person whose data is to be erased is quiet for so long before. */
const QUIET_MS = 15_000;
/** An erasure is put off so often, and then for good. */
const MOST_WAITS = 4;
/** At most this share of the people loses the right to read. */
const MAX_FORBIDDEN_SHARE = 0.3;

/** What acts are done with. */
export interface ModerationOptions {
  readonly world: MediaWorld;
  readonly stream: string;
  readonly crowd: Crowd;
  readonly checker: RoomChecker;
  readonly withStops: boolean;
}

/** Staff and operator of one run. */
export class Moderation {
  readonly #options: ModerationOptions;
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  acts = 0;
  #texts = 0;
  /** Subjects that the room bans, as acknowledged. */
  readonly banned: Set<string> = new Set();
  /** Subjects of whom it is unknown whether they are banned: a command had no answer. */
  readonly unsure: Set<string> = new Set();

  constructor(options: ModerationOptions) {
    this.#options = options;
    this.#simulation = options.world.simulation;
    this.#random = this.#simulation.random.fork("moderation");
  }

  /** Acts until a time of the simulation. */
  async act(untilMs: number): Promise<void> {
    await Promise.all([this.#moderate(untilMs), this.#operate(untilMs)]);
  }

  async #moderate(untilMs: number): Promise<void> {
    for (;;) {
      await this.#simulation.sleep(this.#random.integer(STAFF_MS.min, STAFF_MS.max));
      if (this.#simulation.nowMs > untilMs) return;
      const present = this.#options.crowd.staff.filter(({ page }) => page?.isWelcomed === true);
      if (present.length > 0) void this.#moderateOnce(this.#random.pick(present));
    }
  }

  async #moderateOnce(staff: Person): Promise<void> {
    const random = this.#random;
    const what = random.fraction();
    if (what < 0.3) await this.#remove(staff, { kind: "delete", target: this.#pickMessage() });
    else if (what < 0.45) await this.#ban(staff);
    else if (what < 0.55) await this.#unban(staff);
    else if (what < 0.65) await this.#timeOut(staff);
    else if (what < 0.72) await this.#clear(staff);
    else if (what < 0.82) await this.#pin(staff);
    else if (what < 0.84) await this.#send(staff, { kind: "unban", subject: "person-of-no-room" });
    else await this.#send(staff, this.#nextText(staff));
  }

  /** Whether a command was done; null: nobody knows. */
  async #send(staff: Person, command: Command): Promise<boolean | null> {
    const { erased } = this.#options.checker.ledger;
    if ("subject" in command && erased.has(command.subject)) return false;
    const outcome = await staff.send(command);
    if (outcome.ok) this.acts += 1;
    this.#simulation.log(staff.name, `${JSON.stringify(command)}: ${outcome.ok ? "done" : outcome.error}`);
    return outcome.ok || outcome.error !== "unavailable" ? outcome.ok : null;
  }

  #nextText({ name }: Person): Command {
    this.#texts += 1;
    return { kind: "chat", text: `staff ${name} ${inWords(this.#texts)}` };
  }

  #pickMessage(): number {
    const { head } = this.#options.checker.ledger;
    return Math.max(1, head - this.#random.integer(0, Math.min(30, head)));
  }

  async #remove(staff: Person, command: Command): Promise<void> {
    await this.#send(staff, command);
  }

  async #ban(staff: Person): Promise<void> {
    const person = this.#pickVictim();
    if (person !== null) await this.#banPerson(staff, person);
  }

  async #banPerson(staff: Person, person: Person): Promise<void> {
    const { subject } = person.profile;
    if (subject === null || this.unsure.has(subject)) return;
    this.unsure.add(subject);
    this.#letWrite(person);
    const isDone = await this.#send(staff, { kind: "ban", subject, address: this.#random.chance(0.3) });
    if (isDone === null) return;
    const ranks = this.#options.checker.reviews.ranksOf(subject, rankOfRoles(person.profile.roles));
    // A room that has forgotten that somebody is staff lets a moderator ban them, and a host may appoint whom a moderator has just
    // banned; the ban has no effect on staff.
    if (isDone && ranks.some((rank) => rank !== "viewer") && !staff.profile.roles.includes("host")) return;
    this.unsure.delete(subject);
    if (!isDone) return;
    this.banned.add(subject);
    person.forbiddenSinceMs ??= this.#simulation.nowMs;
  }

  async #unban(staff: Person): Promise<void> {
    const [subject] = this.banned;
    const person = this.#options.crowd.people.find(({ profile }) => profile.subject === subject);
    if (subject === undefined || person === undefined || this.unsure.has(subject)) return;
    // From the sending on it may be undone.
    const { forbiddenSinceMs } = person;
    this.banned.delete(subject);
    this.unsure.add(subject);
    person.forbiddenSinceMs = person.isRevoked ? forbiddenSinceMs : null;
    const isDone = await this.#send(staff, { kind: "unban", subject });
    if (isDone === null) return;
    this.unsure.delete(subject);
    if (!isDone) {
      this.banned.add(subject);
      person.forbiddenSinceMs = forbiddenSinceMs;
      return;
    }
    // A client does not come back by itself after a ban.
    person.close("closes");
    this.#simulation.after(3_000, () => person.open());
  }

  async #timeOut(staff: Person): Promise<void> {
    const person = this.#pickVictim();
    const subject = person?.profile.subject;
    if (person === null || subject === null || subject === undefined) return;
    this.#letWrite(person);
    await this.#send(staff, { kind: "timeout", subject, seconds: this.#random.integer(5, 20) } as Command);
    // Another one of the staff finds that too little, or too late.
    const others = this.#options.crowd.staff.filter(({ page }) => page?.isWelcomed === true);
    if (this.#random.chance(0.3) && others.length > 0) await this.#banPerson(this.#random.pick(others), person);
  }

  /** A message, or none, now or from a program time on; and at times its author has to go right after. */
  async #pin(staff: Person): Promise<void> {
    const random = this.#random;
    const nowMs = this.#simulation.clock.nowMs();
    const target = random.chance(0.3) ? null : this.#pickMessage();
    const at = random.pick([{}, {}, { atProgrammeMs: nowMs - random.integer(-9_000, 9_000) }, { atProgrammeMs: 7 }]);
    await this.#send(staff, { kind: "pin", target, ...at });
    const author = target === null ? null : this.#options.checker.ledger.subjectAt(target);
    if (author !== null && random.chance(0.3)) await this.#remove(staff, { kind: "clear", subject: author });
  }

  /** A frame of whoever is banned closes the socket anyhow, so some are silent. */
  #letWrite(person: Person): void {
    if (this.#random.chance(0.5)) return;
    for (const delayMs of SPAM_MS) this.#simulation.after(delayMs, () => void (person.isWriting && person.write()));
  }

  async #clear(staff: Person): Promise<void> {
    const subject = this.#pickVictim()?.profile.subject;
    if (subject !== null && subject !== undefined) await this.#remove(staff, { kind: "clear", subject });
  }

  /** Anybody, staff too, as long as most people may still read. */
  #pickVictim(): Person | null {
    const { crowd } = this.#options;
    const candidates = crowd.present.filter(
      ({ profile, forbiddenSinceMs }) => profile.subject !== null && forbiddenSinceMs === null,
    );
    const forbidden = crowd.people.filter(({ forbiddenSinceMs }) => forbiddenSinceMs !== null).length;
    if (candidates.length < 4 || forbidden > MAX_FORBIDDEN_SHARE * crowd.people.length) return null;
    const victim = this.#random.pick(candidates);
    victim.isUnrestricted = false;
    return victim;
  }

  async #operate(untilMs: number): Promise<void> {
    const acts = [
      () => this.#revoke(),
      () => this.#erase(),
      () => this.#announce(),
      ...(this.#options.withStops ? [() => this.#stop()] : []),
    ];
    for (;;) {
      await this.#simulation.sleep(this.#random.integer(OPERATOR_MS.min, OPERATOR_MS.max));
      if (this.#simulation.nowMs > untilMs) return;
      await this.#random.pick(acts)();
    }
  }

  async #revoke(): Promise<void> {
    const { world, stream, checker } = this.#options;
    const person = this.#pickVictim();
    const subject = person?.profile.subject;
    if (person === null || subject === null || subject === undefined || person.profile.roles.includes("host")) return;
    const body = JSON.stringify({ subject, version: 1 });
    const { status } = await world.administer({ method: "POST", path: `/api/streams/${stream}/revocations`, body });
    this.#simulation.log("operator", `revokes ${subject}: ${status}`);
    if (status !== 200) throw new Error(`a revocation was answered ${status}`);
    this.acts += 1;
    person.forbiddenSinceMs ??= this.#simulation.nowMs;
    person.isRevoked = true;
    checker.ledger.silence(`${subject} was revoked`, subject, checker.storedHead);
  }

  /** The operator expects an audience, or none any more: the room gets its shards before. */
  async #announce(): Promise<void> {
    const { world, stream } = this.#options;
    const body = JSON.stringify({ viewers: this.#random.pick([0, 10, 40, 100]) });
    const { status } = await world.administer({ method: "PUT", path: `/api/streams/${stream}/crowd`, body });
    this.#simulation.log("operator", `expects ${body}: ${status}`);
    if (status !== 200) throw new Error(`an expected audience was answered ${status}`);
  }

  async #stop(): Promise<void> {
    const { world, stream, checker } = this.#options;
    const path = `/api/streams/${stream}/stop`;
    const body = JSON.stringify({ category: "rules", reason: "A test of the simulation." });
    const { status } = await world.administer({ method: "POST", path, body });
    this.#simulation.log("operator", `stops the stream: ${status}`);
    if (status !== 200) throw new Error(`a stop was answered ${status}`);
    this.acts += 1;
    checker.stoppedSinceMs = this.#simulation.nowMs;
    const end = checker.ledger.silence("the stream was stopped", null, checker.storedHead);
    await this.#simulation.sleep(this.#random.integer(STOP_MS.min, STOP_MS.max));
    end(checker.storedHead);
    checker.stoppedSinceMs = null;
    const undone = await world.administer({ method: "DELETE", path, body: "{}" });
    this.#simulation.log("operator", `undoes the stop: ${undone.status}`);
    if (undone.status !== 200) throw new Error(`the end of a stop was answered ${undone.status}`);
  }

  async #erase(): Promise<void> {
    const { world, checker, crowd } = this.#options;
    const person = this.#pickVictim();
    const subject = person?.profile.subject;
    if (person === null || subject === null || subject === undefined || person.profile.roles.includes("host")) return;
    person.isWriting = false;
    await this.#simulation.sleep(QUIET_MS);
    // Its last commands have arrived, or never will.
    person.leave("closes");
    // Of staff whose connection is cut: what they do after the erasure names the person again.
    for (let waits = 0; ; waits += 1) {
      await this.#simulation.sleep(QUIET_MS);
      if (!crowd.people.some((each) => each.isActingOn(subject))) break;
      // A moderator who was banned meanwhile has a command that may never have an outcome.
      if (waits === MOST_WAITS) return;
    }
    checker.ledger.erased.add(subject);
    const path = `/api/subjects/${subject}`;
    const { status } = await world.administer({ method: "DELETE", path });
    this.#simulation.log("operator", `erases ${subject}: ${status}`);
    if (status !== 200 && status !== 202) throw new Error(`an erasure was answered ${status}`);
    this.acts += 1;
    // 202: not all rooms have confirmed it; the keyring repeats its call each minute.
    if (status === 200) checker.noteErasure(person);
    else this.#simulation.after(90_000, () => checker.noteErasure(person));
  }
}
