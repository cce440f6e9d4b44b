/** One row of the chat. Texts are text nodes, so that no message is markup. */
import type { ComponentChildren, VNode } from "preact";
import type { ChatEvent } from "../../../core/room/events.ts";
import type { ParticipantProfile } from "../../../core/room/participants.ts";
import { splitLinks } from "./chat-links.ts";
import { modesChangeText, nameHue, roleBadge, splitMentions } from "./chat-text.ts";
import { messageAtOffset, type TimelineEntry } from "./chat-timeline.ts";

/** A row: a message, or an event of the chat. */
export function MessageRow({
  entry,
  entries,
  me,
  hasTime = false,
  children,
}: {
  entry: TimelineEntry;
  entries: readonly TimelineEntry[];
  me: string | null;
  hasTime?: boolean;
  children?: ComponentChildren;
}): VNode | null {
  switch (entry.content.kind) {
    case "chat":
      return (
        <Message message={entry.content} entries={entries} me={me} hasTime={hasTime}>
          {children}
        </Message>
      );
    case "modes":
      return <p class="chat-note">{modesChangeText(entry.content)}</p>;
    case "hole":
      return <p class="chat-note">Some messages couldn’t be loaded</p>;
    case "pin":
      return null;
  }
}

function Message({
  message,
  entries,
  me,
  hasTime,
  children,
}: {
  message: ChatEvent;
  entries: readonly TimelineEntry[];
  me: string | null;
  hasTime: boolean;
  children?: ComponentChildren;
}): VNode {
  const { by, text, replyTo } = message;
  const answered = replyTo === undefined ? null : messageAtOffset(entries, replyTo);
  return (
    <>
      {replyTo !== undefined && (
        <p class="chat-answered">
          {answered === null ? (
            "Reply to a deleted message"
          ) : (
            <>
              Replying to <bdi>{answered.by.name}</bdi>: <bdi>{answered.text}</bdi>
            </>
          )}
        </p>
      )}
      <p class="chat-message">
        {hasTime && <SentAt atMs={message.atMs} />}
        <ParticipantName by={by} />
        <span class="sr">: </span>
        <MessageText text={text} me={me} />
      </p>
      {children}
    </>
  );
}

/** When a message was sent, in the reader's time zone. */
function SentAt({ atMs }: { atMs: number }): VNode {
  const at = new Date(atMs);
  return (
    <time class="chat-time" dateTime={at.toISOString()} title={at.toLocaleString()}>
      {at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })}
    </time>
  );
}

/** A participant's name in its colour, after the badge of its role. */
export function ParticipantName({ by }: { by: ParticipantProfile }): VNode {
  const badge = roleBadge(by.roles);
  return (
    <span class="chat-by">
      {badge !== null && <span class={`role role-${badge.role}`}>{badge.label}</span>}
      <bdi class="chat-name" style={{ color: `hsl(${nameHue(by.subject)} 85% 76%)` }}>
        {by.name}
      </bdi>
    </span>
  );
}

/** A message's text with its links, and its mentions marked. */
export function MessageText({ text, me }: { text: string; me: string | null }): VNode {
  return (
    <span class="chat-text" dir="auto">
      {splitLinks(text).map((piece, index) =>
        piece.href === null ? (
          <Mentions key={index} text={piece.text} me={me} />
        ) : (
          // It is nobody's recommendation, and its site learns nothing of the page.
          <a key={index} href={piece.href} target="_blank" rel="noopener noreferrer nofollow ugc" title={piece.href}>
            {piece.text}
          </a>
        ),
      )}
    </span>
  );
}

function Mentions({ text, me }: { text: string; me: string | null }): VNode {
  return (
    <>
      {splitMentions(text, me).map(({ text: piece, mentions }, index) =>
        mentions === "nobody" ? (
          piece
        ) : (
          <span key={index} class={mentions === "me" ? "mention mention-me" : "mention"}>
            {piece}
          </span>
        ),
      )}
    </>
  );
}

/** Whether a row addresses the reader: by a mention, or as a reply to the reader's message. */
export function isAddressedToReader(
  { content }: TimelineEntry,
  entries: readonly TimelineEntry[],
  you: { subject: string; name: string } | null,
): boolean {
  if (you === null || content.kind !== "chat" || content.by.subject === you.subject) return false;
  if (content.replyTo !== undefined && messageAtOffset(entries, content.replyTo)?.by.subject === you.subject)
    return true;
  return splitMentions(content.text, you.name).some(({ mentions }) => mentions === "me");
}
