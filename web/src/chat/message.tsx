/** One row of the chat. Texts are text nodes: whatever people write, nothing of it is markup. */
import type { ComponentChildren, VNode } from "preact";
import type { Author, ChatEvent } from "../../../protocol/room/events.ts";
import { type Entry, messageAt } from "./timeline.ts";
import { badgeOf, hueOf, modesNote, pieces } from "./words.ts";

/** A row: a message, or what happened to the chat. */
export function Row({
  entry,
  entries,
  me,
  children,
}: {
  entry: Entry;
  entries: readonly Entry[];
  me: string | null;
  children?: ComponentChildren;
}): VNode | null {
  switch (entry.what.kind) {
    case "chat":
      return (
        <Message message={entry.what} entries={entries} me={me}>
          {children}
        </Message>
      );
    case "modes":
      return <p class="chat-note">{modesNote(entry.what)}</p>;
    case "hole":
      return <p class="chat-note">Some messages are missing here</p>;
    case "pin":
      return null;
  }
}

function Message({
  message,
  entries,
  me,
  children,
}: {
  message: ChatEvent;
  entries: readonly Entry[];
  me: string | null;
  children?: ComponentChildren;
}): VNode {
  const { by, text, replyTo } = message;
  const answered = replyTo === undefined ? null : messageAt(entries, replyTo);
  return (
    <>
      {replyTo !== undefined && (
        <p class="chat-answered">
          {answered === null ? (
            "Answer to a message that is gone"
          ) : (
            <>
              Answer to <bdi>{answered.by.name}</bdi>: <bdi>{answered.text}</bdi>
            </>
          )}
        </p>
      )}
      <p class="chat-message">
        <Name by={by} />
        <span class="sr">: </span>
        <Text text={text} me={me} />
      </p>
      {children}
    </>
  );
}

/** A person's name in their colour, behind the badge of their role. */
export function Name({ by }: { by: Author }): VNode {
  const badge = badgeOf(by.roles);
  return (
    <span class="chat-by">
      {badge !== null && <span class={`role role-${badge.role}`}>{badge.label}</span>}
      <bdi class="chat-name" style={{ color: `hsl(${hueOf(by.subject)} 85% 76%)` }}>
        {by.name}
      </bdi>
    </span>
  );
}

/** A message's text with its mentions marked. */
export function Text({ text, me }: { text: string; me: string | null }): VNode {
  return (
    <span class="chat-text" dir="auto">
      {pieces(text, me).map(({ text: piece, mentions }, index) =>
        mentions === "nobody" ? (
          piece
        ) : (
          <span key={index} class={mentions === "me" ? "mention mention-me" : "mention"}>
            {piece}
          </span>
        ),
      )}
    </span>
  );
}

/** Whether a row speaks to the reader: it mentions them, or answers a message of theirs. */
export function isToMe(
  { what }: Entry,
  entries: readonly Entry[],
  you: { subject: string; name: string } | null,
): boolean {
  if (you === null || what.kind !== "chat" || what.by.subject === you.subject) return false;
  if (what.replyTo !== undefined && messageAt(entries, what.replyTo)?.by.subject === you.subject) return true;
  return pieces(what.text, you.name).some(({ mentions }) => mentions === "me");
}
