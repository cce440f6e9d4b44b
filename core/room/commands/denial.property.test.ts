/** Refused messages in any order of messages, resends, changed rules and moderators' decisions. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Role } from "../../access/roles.ts";
import { encodeCompositeKey } from "../../kit/composite-key.ts";
import type { RoomEvent } from "../events.ts";
import type { Participant } from "../participants.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { heldMessageKey, RoomState } from "../room-state.ts";
import { commandDigest } from "../sequencer/command-digest.ts";
import { decideCommand } from "../sequencer/decide.ts";
import { changeByCommand } from "../sequencer/history-change.ts";
import { outcomeOfResent, type StoredCommand } from "../sequencer/resent-command.ts";
import { TextModerator } from "../sequencer/text-moderator.ts";
import type { Command, CommandEnvelope } from "./index.ts";

const NOW = 1_700_000_000_000;
const TEXT_MODERATOR = new TextModerator();

const person = (subject: string, roles: readonly Role[] = []): Participant => ({
  ...{ subject, name: subject, roles, followerSinceMs: null, expiresMs: null },
  ...{ device: `device-${subject}`, address: `address-${subject}` },
});
const WRITERS = ["ann", "bob", "eve"].map((subject) => person(subject));
const MODERATOR = person("mod", ["moderator"]);

/** A room as its object runs it: an event of a sender and an id is stored once, or the write fails and the object ends. */
class Model {
  readonly state = new RoomState();
  readonly stored = new Map<string, StoredCommand>();
  #offset = 0;
  #id = 0;

  write(by: Participant, id: string, text: string): void {
    this.#submit({ by, id, act: { kind: "chat", text }, programmeMs: null });
  }

  moderate(act: Command): void {
    this.#id += 1;
    this.#submit({ by: MODERATOR, id: `m-${this.#id}`, act, programmeMs: null });
  }

  #submit(envelope: CommandEnvelope): void {
    const key = encodeCompositeKey(envelope.by.subject ?? "", envelope.id);
    if (outcomeOfResent(envelope, this.stored.get(key) ?? null, this.state) !== null) return;
    const decision = decideCommand(this.state, envelope, {
      ...{ nowMs: NOW, textModerator: TEXT_MODERATOR, secretHash: null },
      ...{ findMessage: () => null, senderTraces: () => [], isRepeat: () => false, auditLog: () => [] },
    });
    if (decision.ok) {
      const { event, by } = changeByCommand(this.state, envelope, decision, this.#offset, NOW);
      if (event !== null) this.#store(encodeCompositeKey(by.subject ?? "", by.id), event, by.digest);
    }
    for (const entry of decision.entries ?? []) this.state.apply(entry);
  }

  #store(key: string, event: RoomEvent, digest: string | undefined): void {
    expect(this.stored.has(key), `${key} is stored twice`).toBe(false);
    this.#offset = event.offset;
    this.stored.set(key, { event, digest });
  }
}

const sender = fc.integer({ min: 0, max: WRITERS.length - 1 });
const id = fc.constantFrom("1", "2", "3", "4", "5", "6", "7");
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("write" as const), sender, id, fc.constantFrom("hi", "spoiler")) },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom("approve", "deny"), sender, id, fc.constant("")) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("block", "allow", "review", "show"), sender, id, fc.constant("")) },
);

test("no id is stored twice, none is held and refused at once, and what is kept stays within its bounds", () => {
  let refused = 0;
  let approved = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      model.moderate({ kind: "words", words: ["spoiler"] });
      for (const [kind, at, which, text] of steps) {
        const by = WRITERS[at] ?? MODERATOR;
        const held = heldMessageKey(by.subject ?? "", which);
        const isRefused = model.state.deniedMessages.has(held);
        if (kind === "write") model.write(by, which, text);
        if (kind === "approve" || kind === "deny") model.moderate({ kind, held });
        if (kind === "block" || kind === "allow")
          model.moderate({ kind: "words", words: kind === "block" ? ["spoiler"] : [] });
        if (kind === "review" || kind === "show")
          model.moderate({ kind: "modes", modes: { review: kind === "review" } });
        const { deniedMessages, heldMessages } = model.state;
        if (kind === "approve" && isRefused) {
          approved += 1;
          expect(model.stored.get(encodeCompositeKey(by.subject ?? "", which))?.digest).toBe(
            commandDigest({ kind: "chat", text: "spoiler" }),
          );
        }
        refused += deniedMessages.size;
        for (const key of deniedMessages.keys()) expect(heldMessages.has(key)).toBe(false);
        for (const { subject } of WRITERS) {
          const own = [...deniedMessages.values()].filter((message) => message.by.subject === subject);
          expect(own.length).toBeLessThanOrEqual(ROOM_LIMITS.deniedMessagesPerSender);
        }
      }
    }),
    { numRuns: 1_000 },
  );
  expect(refused).toBeGreaterThan(100);
  expect(approved).toBeGreaterThan(0);
});
