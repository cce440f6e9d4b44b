/** Held messages as their senders and staff know them, and the roles that hosts grant. */
import type { Rank } from "../../../core/room/permissions.ts";
import { withoutMark } from "./message-texts.ts";

interface HeldText {
  readonly id: string;
  isApproved: boolean;
}

/** Rights and messages that depend on decisions of staff. */
export class ReviewLedger {
  /** By text as it was written: several people may write the same one. */
  readonly #held = new Map<string, Set<HeldText>>();
  readonly #byId = new Map<string, HeldText>();
  /** By subject: whether they may be moderators, and whether they may be none, as far as anybody knows. */
  readonly #grants = new Map<string, { mayBeModerator: boolean; mayBeNone: boolean }>();

  /** Ids of held messages that nobody approved. */
  get waiting(): readonly string[] {
    return [...this.#byId].flatMap(([id, { isApproved }]) => (isApproved ? [] : [id]));
  }

  /** A sender was told, or staff saw, that this text is held. */
  hold(id: string, text: string): void {
    const held = this.#byId.get(id) ?? { id, isApproved: false };
    const written = withoutMark(text);
    this.#byId.set(id, held);
    this.#held.set(written, (this.#held.get(written) ?? new Set()).add(held));
  }

  /** A moderator sends an approval. */
  approve(id: string): void {
    const held = this.#byId.get(id) ?? { id, isApproved: false };
    held.isApproved = true;
    this.#byId.set(id, held);
  }

  /** Whether a text is held, and nobody has approved it from anybody. */
  isWithheld(text: string): boolean {
    return this.#held.has(withoutMark(text)) && !this.wasApproved(text);
  }

  /** Whether a text was held and approved, so that its place in the history is a moderator's doing. */
  wasApproved(text: string): boolean {
    return [...(this.#held.get(withoutMark(text)) ?? [])].some(({ isApproved }) => isApproved);
  }

  /** A host sends a command about the role of a subject. */
  sendGrant(subject: string): void {
    this.#grants.set(subject, { mayBeModerator: true, mayBeNone: true });
  }

  /** The room has confirmed that a subject is a moderator. */
  confirmGrant(subject: string): void {
    this.#grants.set(subject, { mayBeModerator: true, mayBeNone: false });
  }

  /** A subject is no moderator any more, and nothing of what it did before is under way. */
  confirmRemoval(subject: string): void {
    this.#grants.delete(subject);
  }

  /** Subjects that are moderators for certain. */
  get moderators(): readonly string[] {
    return [...this.#grants].flatMap(([subject, { mayBeNone }]) => (mayBeNone ? [] : [subject]));
  }

  /** The ranks that a subject may have, beside that of its token. */
  ranksOf(subject: string, ofToken: Rank): readonly Rank[] {
    const grant = this.#grants.get(subject);
    if (ofToken !== "viewer" || grant === undefined || !grant.mayBeModerator) return [ofToken];
    return grant.mayBeNone ? [ofToken, "moderator"] : ["moderator"];
  }
}
