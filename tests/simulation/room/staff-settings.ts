/** What staff set and decide in a run: modes, words, levels, roles, held messages, lists. */
import { type ChatModes, OPEN_CHAT_MODES } from "../../../core/room/chat-modes.ts";
import type { Command } from "../../../core/room/commands/index.ts";
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { Simulation } from "../kernel/simulation.ts";
import type { Crowd } from "./crowd.ts";
import { BLOCKED_WORD } from "./message-texts.ts";
import type { Person } from "./person.ts";
import type { RoomChecker } from "./room-checker.ts";
import { StaffExtras } from "./staff-extras.ts";

const EVERY_MS = { min: 1_500, max: 6_000 } as const;
/** A mode is undone again after this. */
const MODE_MS = { min: 2_000, max: 15_000 } as const;
/** What a removed moderator sent before has arrived, or never will. */
const UNDER_WAY_MS = 60_000;
/** A command is sent again for so long. */
const LAST_COMMANDS_MS = 45_000;
const RESET_EVERY_MS = 3_000;
const LISTS = ["held", "bans", "audit", "words", "automod", "moderators"] as const;
/** A room in which everybody writes. */
const OPEN: readonly Command[] = [
  { kind: "modes", modes: OPEN_CHAT_MODES },
  { kind: "words", words: [] },
  { kind: "automod", automod: { levels: { profanity: 0, sexual: 0, hate: 0, harassment: 0, spam: 0 }, allowed: [] } },
];

/** The settings of one room. */
export class StaffSettings {
  readonly #crowd: Crowd;
  readonly #checker: RoomChecker;
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #extras: StaffExtras;
  /** Subjects whose role is being changed. */
  readonly #changing = new Set<string>();
  #isOver = false;
  readonly #underWay = new Set<Promise<void>>();

  constructor(simulation: Simulation, crowd: Crowd, checker: RoomChecker) {
    this.#simulation = simulation;
    this.#crowd = crowd;
    this.#checker = checker;
    this.#random = simulation.random.fork("staff settings");
    this.#extras = new StaffExtras(simulation, crowd, checker, this.#changing);
  }

  /** Acts until a time of the simulation. */
  async act(untilMs: number): Promise<void> {
    await Promise.all([this.#set(untilMs), this.#extras.act(untilMs)]);
  }

  async #set(untilMs: number): Promise<void> {
    for (;;) {
      await this.#simulation.sleep(this.#random.integer(EVERY_MS.min, EVERY_MS.max));
      if (this.#simulation.nowMs > untilMs) return;
      const staff = this.#pickStaff();
      if (staff === null) continue;
      const acting = this.#actOnce(staff).finally(() => this.#underWay.delete(acting));
      this.#underWay.add(acting);
    }
  }

  /** Opens the room for everybody. True once the room has confirmed that, in the time that is given. */
  async reset(withinMs: number): Promise<boolean> {
    this.#isOver = true;
    // What was sent before may arrive late; of a page that vanished it never has an outcome.
    await Promise.race([Promise.all(this.#underWay), this.#simulation.sleep(LAST_COMMANDS_MS)]);
    const untilMs = this.#simulation.nowMs + withinMs;
    let left = OPEN;
    while (left.length > 0 && this.#simulation.nowMs < untilMs) {
      const staff = this.#pickStaff();
      for (const command of staff === null ? [] : left) {
        if ((await staff?.send(command))?.ok === true) left = left.filter((each) => each !== command);
      }
      if (left.length > 0) await this.#simulation.sleep(RESET_EVERY_MS);
    }
    return left.length === 0;
  }

  /** Somebody of the staff who is connected; moderators that the room appointed among them. */
  #pickStaff(): Person | null {
    const appointed = new Set(this.#checker.reviews.moderators);
    const people = [
      ...this.#crowd.staff,
      ...this.#crowd.people.filter(({ profile: { subject } }) => subject !== null && appointed.has(subject)),
    ].filter(({ page, forbiddenSinceMs }) => page?.isWelcomed === true && forbiddenSinceMs === null);
    return people.length === 0 ? null : this.#random.pick(people);
  }

  async #actOnce(staff: Person): Promise<void> {
    const what = this.#random.fraction();
    if (what < 0.25) await this.#setMode(staff);
    else if (what < 0.33)
      await staff.send({ kind: "words", words: this.#random.chance(0.7) ? [BLOCKED_WORD, "kum*"] : [] });
    else if (what < 0.41) await this.#setLevels(staff);
    else if (what < 0.56) await this.#setRole(staff);
    else if (what < 0.66) await staff.send({ kind: "list", what: this.#random.pick(LISTS) });
    else await this.#review(staff);
  }

  async #setMode(staff: Person): Promise<void> {
    const random = this.#random;
    const [set, undo] = random.pick([
      [{ slowS: random.integer(1, 20) }, { slowS: 0 }],
      [{ followersMin: random.integer(0, 10) }, { followersMin: null }],
      [{ subscribersOnly: true }, { subscribersOnly: false }],
      [{ verifiedOnly: true }, { verifiedOnly: false }],
      [{ emoteOnly: true }, { emoteOnly: false }],
      [{ unique: true }, { unique: false }],
      [{ noLinks: true }, { noLinks: false }],
      [{ noCapitals: true }, { noCapitals: false }],
      [{ review: true }, { review: false }],
      [{ review: true }, { review: false }],
    ] as const);
    await staff.send({ kind: "modes", modes: set });
    void this.#undoMode(undo, random.integer(MODE_MS.min, MODE_MS.max));
  }

  async #undoMode(modes: Partial<ChatModes>, afterMs: number): Promise<void> {
    await this.#simulation.sleep(afterMs);
    if (this.#isOver) return;
    const undoing = Promise.resolve(this.#pickStaff()?.send({ kind: "modes", modes })).then(() => {
      this.#underWay.delete(undoing);
    });
    this.#underWay.add(undoing);
  }

  async #setLevels(staff: Person): Promise<void> {
    const level = this.#random.pick([0, 1, 2, 3, 4] as const);
    const allowed = this.#random.chance(0.3) ? { allowed: ["damn"] } : {};
    const levels = this.#random.chance(0.8) ? { levels: { profanity: level, spam: level } } : {};
    await staff.send({ kind: "automod", automod: { ...levels, ...allowed } });
  }

  /** A viewer becomes a moderator, or one who is stops being one. */
  async #setRole(staff: Person): Promise<void> {
    const { reviews, ledger } = this.#checker;
    // A command about somebody erased would bring the name back.
    const [appointed] = reviews.moderators.filter((subject) => !ledger.erased.has(subject));
    const isRemoval = appointed !== undefined && this.#random.chance(0.4);
    const viewers = this.#crowd.present.filter(
      ({ profile, forbiddenSinceMs, isAttacker }) =>
        profile.subject !== null &&
        forbiddenSinceMs === null &&
        !isAttacker &&
        profile.roles.every((role) => role !== "host"),
    );
    if (viewers.length === 0) return;
    const subject = isRemoval ? appointed : this.#random.pick(viewers).profile.subject;
    if (subject === null || this.#changing.has(subject)) return;
    this.#changing.add(subject);
    const wasModerator = reviews.moderators.includes(subject);
    reviews.sendGrant(subject);
    const outcome = await staff.send({ kind: "role", subject, role: isRemoval ? null : "moderator" });
    // Of a command without an answer nobody knows, and the subject is left alone.
    if (!outcome.ok && outcome.error === "unavailable") return;
    const isModerator = outcome.ok ? !isRemoval : wasModerator;
    if (isModerator) reviews.confirmGrant(subject);
    else if (!outcome.ok) reviews.confirmRemoval(subject);
    if (isModerator || !outcome.ok) this.#changing.delete(subject);
    else {
      this.#simulation.after(UNDER_WAY_MS, () => {
        reviews.confirmRemoval(subject);
        this.#changing.delete(subject);
      });
    }
  }

  /** Approves or denies a held message, as a list or a note said. */
  async #review(staff: Person): Promise<void> {
    const { reviews } = this.#checker;
    const outcome = this.#random.chance(0.5) ? await staff.send({ kind: "list", what: "held" }) : null;
    // Whose sender never got the answer is known to be held by the list alone.
    const shown = outcome?.ok === true && outcome.list?.what === "held" ? outcome.list.held : null;
    for (const { id, text } of shown ?? []) reviews.hold(id, text);
    const listed = shown?.map(({ id }) => id) ?? reviews.waiting;
    for (const held of listed.slice(0, this.#random.integer(1, 4))) {
      const kind = this.#random.pick(["approve", "deny"] as const);
      if (kind === "approve") reviews.approve(held);
      await staff.send({ kind, held });
    }
  }
}
