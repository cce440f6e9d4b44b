/** The chat beside the picture; everything shown is a function of the view. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ChatEvent } from "../../../protocol/room/events.ts";
import type { Outcome } from "../../../protocol/room/wire.ts";
import { HEART } from "./bursts.ts";
import { Composer } from "./composer.tsx";
import { ClockIcon, HeartIcon, HideIcon, PinIcon, ReplyIcon } from "./icons.tsx";
import { MessageList } from "./list.tsx";
import { Name } from "./message.tsx";
import { SignIn } from "./sign-in.tsx";
import { visible } from "./timeline.ts";
import type { RoomView } from "./view.ts";
import { closeWords, compact, modesInWords } from "./words.ts";

/** Reactions to choose from. */
const REACTIONS = ["👏", "🔥", "😂", "😮", "🎉"] as const;

/** Left-out messages are told of for so long. */
const UNSEEN_MS = 10_000;

/** What the panel shows and can do. */
export interface PanelProps {
  readonly view: RoomView;
  readonly replay: boolean;
  readonly inStep: boolean;
  /** Why one is no longer signed in, if there is a reason. */
  readonly signedOut: string | null;
  readonly serverNowMs: () => number;
  readonly send: (text: string, replyTo: number | null) => Promise<Outcome>;
  readonly tap: (emoji: string) => void;
  readonly setInStep: (inStep: boolean) => void;
  readonly hide: () => void;
  readonly join: ((name: string) => Promise<boolean>) | null;
}

export function Panel(props: PanelProps): VNode {
  const { view, replay, serverNowMs, tap } = props;
  const [answering, setAnswering] = useState<ChatEvent | null>(null);
  const { timeline, you, link, unseen } = view;
  const skipped = serverNowMs() - unseen.atMs < UNSEEN_MS ? unseen.count : 0;
  const canAnswer = you !== null && !replay && link.state !== "closed";
  return (
    <>
      <Heading {...props} />
      {timeline.pinned !== null && <Pinned message={timeline.pinned} />}
      <MessageList
        entries={visible(timeline)}
        all={timeline.entries}
        you={you}
        empty={emptyWords(view, replay)}
        actions={(message) =>
          canAnswer && (
            <button
              type="button"
              class="icon-button"
              aria-label={`Answer ${message.by.name}`}
              title="Answer"
              onClick={() => setAnswering(message)}
            >
              <ReplyIcon />
            </button>
          )
        }
      />
      <p class="chat-unseen" hidden={skipped === 0}>
        {compact(skipped)} more than anybody can read were left out
      </p>
      {!replay && (
        <div class="chat-foot">
          <Reactions likes={view.counts.likes} tap={tap} />
          <Foot {...props} answering={answering} onAnswered={() => setAnswering(null)} />
        </div>
      )}
    </>
  );
}

function Heading({ view, replay, inStep, setInStep, hide }: PanelProps): VNode {
  const modes = modesInWords(view.modes);
  const { state } = view.link;
  return (
    <header class="chat-head">
      <h2>{replay ? "Chat replay" : "Chat"}</h2>
      <p class="chat-link" role="status">
        {!replay && state === "away" && "Reconnecting…"}
        {!replay && state === "connecting" && "Connecting…"}
      </p>
      {!replay && (
        <button
          type="button"
          class="icon-button"
          aria-pressed={inStep}
          aria-label="Messages in step with the picture"
          title={inStep ? "In step with the picture; press to see messages at once" : "Messages are shown at once"}
          onClick={() => setInStep(!inStep)}
        >
          <ClockIcon />
        </button>
      )}
      <button type="button" class="icon-button" aria-label="Hide the chat" title="Hide the chat" onClick={hide}>
        <HideIcon />
      </button>
      {!replay && modes.length > 0 && <p class="chat-modes">{modes.join(" · ")}</p>}
    </header>
  );
}

function Pinned({ message }: { message: ChatEvent }): VNode {
  return (
    <section class="chat-pinned" aria-label="Pinned message">
      <PinIcon />
      <p>
        <Name by={message.by} /> <bdi>{message.text}</bdi>
      </p>
    </section>
  );
}

function Reactions({ likes, tap }: { likes: number; tap: (emoji: string) => void }): VNode {
  return (
    <fieldset class="reactions">
      <legend class="sr">Reactions</legend>
      {REACTIONS.map((emoji) => (
        <button
          key={emoji}
          type="button"
          class="reaction"
          aria-label={`React with ${emoji}`}
          onClick={() => tap(emoji)}
        >
          {emoji}
        </button>
      ))}
      <span class="spacer" />
      <button type="button" class="like" aria-label={`Like; ${likes} likes so far`} onClick={() => tap(HEART)}>
        <HeartIcon />
        {compact(likes)}
      </button>
    </fieldset>
  );
}

interface FootProps extends PanelProps {
  readonly answering: ChatEvent | null;
  readonly onAnswered: () => void;
}

function Foot({ view, signedOut, serverNowMs, answering, onAnswered, send, join }: FootProps): VNode {
  const { link, you } = view;
  if (link.state === "closed") {
    return (
      <p class="chat-foot-note bad" role="alert">
        {closeWords(link.code, link.reason)}
      </p>
    );
  }
  if (you !== null) {
    return <Composer view={view} serverNowMs={serverNowMs} answering={answering} onAnswered={onAnswered} send={send} />;
  }
  return (
    <>
      {signedOut !== null && (
        <p class="chat-foot-note bad" role="alert">
          {signedOut}
        </p>
      )}
      {link.state === "open" && <SignIn join={join} />}
    </>
  );
}

function emptyWords({ link, you }: RoomView, replay: boolean): string {
  if (replay) return "Nothing was written at this moment.";
  if (link.state === "closed") return "";
  if (link.state !== "open") return "Coming into the chat…";
  return you === null ? "Nobody has written yet." : "Nobody has written yet. Say hello!";
}
