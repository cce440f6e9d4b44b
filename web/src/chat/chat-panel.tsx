/** The chat panel beside the video: a function of the view. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { isAccountSubject } from "../../../core/access/account.ts";
import { isGuestSubject } from "../../../core/access/guest.ts";
import type { Clock, Random } from "../../../core/kit/clock.ts";
import type { ChatEvent } from "../../../core/room/events.ts";
import { isStaff } from "../../../core/room/participants.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import { formatCount } from "../kit/number-text.ts";
import { loadPreference, storePreference } from "../kit/viewer-session.ts";
import { closeText, modeLabels } from "./chat-text.ts";
import { type TimelineEntry, visibleEntries } from "./chat-timeline.ts";
import { Composer } from "./composer.tsx";
import { ClockIcon, DownIcon, HeartIcon, HideIcon, PersonIcon, PinIcon, ReplyIcon, TimesIcon } from "./icons.tsx";
import { MessageList } from "./message-list.tsx";
import { ParticipantName } from "./message-row.tsx";
import { loadMuted, storeMuted, withMuted, withoutMuted } from "./muted-people.ts";
import { PersonCard } from "./person-card.tsx";
import { ReactionArt, reactionName } from "./reaction-art.tsx";
import { LIKE_EMOJI } from "./reaction-bursts.ts";
import type { RoomView } from "./room-view.ts";
import { SignIn, SignInLink } from "./sign-in.tsx";

/** Reactions on offer. */
const REACTIONS = ["👏", "🔥", "😂", "😮", "🎉"] as const;

const TIMES_STORAGE_KEY = "corral.chat.times";

/** The note about omitted messages is shown for this long. */
const OMITTED_NOTICE_MS = 10_000;

/** What the panel shows and can do. */
export interface ChatPanelProps {
  readonly view: RoomView;
  readonly clock: Clock;
  readonly isReplay: boolean;
  readonly isSynced: boolean;
  /** Why the viewer was signed out, or null. */
  readonly signOutReason: string | null;
  readonly serverNowMs: () => number;
  readonly send: (text: string, replyTo: number | null) => Promise<CommandOutcome>;
  readonly addReaction: (emoji: string) => void;
  readonly setSynced: (isSynced: boolean) => void;
  readonly hide: () => void;
  /** Whether a viewer without an account may choose a name. */
  readonly allowsGuests: boolean;
  /** Enters as a guest of this name; null: leaves. */
  readonly setGuestName: (name: string | null) => void;
  readonly random: Random;
  /** Where people sign in to an account of the edge; null without such a sign-in. */
  readonly signInUrl: string | null;
  /** Forgets the account in this tab. */
  readonly signOut: () => void;
}

export function ChatPanel(props: ChatPanelProps): VNode {
  const { view, clock, isReplay, serverNowMs, addReaction } = props;
  const [answering, setAnswering] = useState<ChatEvent | null>(null);
  const [person, setPerson] = useState<ChatEvent | null>(null);
  const [muted, setMuted] = useState(loadMuted);
  const [hasTimes, setHasTimes] = useState(() => loadPreference(TIMES_STORAGE_KEY) === "1");
  const { timeline, you, link, omitted } = view;
  const skipped = serverNowMs() - omitted.atMs < OMITTED_NOTICE_MS ? omitted.count : 0;
  const canAnswer = you !== null && !isReplay && link.state !== "closed";
  const mute = (subject: string): void => {
    const next = withMuted(muted, subject, !muted.includes(subject));
    storeMuted(next);
    setMuted(next);
  };
  const toggleTimes = (): void => {
    storePreference(TIMES_STORAGE_KEY, hasTimes ? "0" : "1");
    setHasTimes(!hasTimes);
  };
  return (
    <>
      <Heading {...props} hasTimes={hasTimes} toggleTimes={toggleTimes} />
      {timeline.pinned !== null && <Pinned message={timeline.pinned} />}
      <MessageList
        clock={clock}
        entries={withoutMuted(visibleEntries(timeline), muted)}
        all={timeline.entries}
        you={you}
        empty={emptyListText(view, isReplay)}
        hasTimes={hasTimes}
        actions={(message) => (
          <>
            {canAnswer && (
              <button
                type="button"
                class="icon-button"
                aria-label={`Reply to ${message.by.name}`}
                title="Answer"
                onClick={() => setAnswering(message)}
              >
                <ReplyIcon />
              </button>
            )}
            <button
              type="button"
              class="icon-button"
              aria-label={`About ${message.by.name}`}
              title="About this person"
              onClick={() => setPerson(message)}
            >
              <PersonIcon />
            </button>
          </>
        )}
      />
      {person !== null && (
        <PersonCard
          message={person}
          written={timeline.entries.filter(({ content }) => isFrom(content, person.by.subject)).length}
          isMuted={muted.includes(person.by.subject)}
          onMute={person.by.subject === you?.subject ? null : () => mute(person.by.subject)}
          onClose={() => setPerson(null)}
        />
      )}
      <p class="chat-unseen" hidden={skipped === 0}>
        {formatCount(skipped)} more than anybody can read were left out
      </p>
      {!isReplay && (
        <div class="chat-foot">
          <Reactions likes={view.counts.likes} tap={addReaction} />
          <Foot {...props} replyTarget={answering} onReplyDone={() => setAnswering(null)} />
        </div>
      )}
    </>
  );
}

const isFrom = (content: TimelineEntry["content"], subject: string): boolean =>
  content.kind === "chat" && content.by.subject === subject;

interface HeadingProps extends ChatPanelProps {
  readonly hasTimes: boolean;
  readonly toggleTimes: () => void;
}

function Heading(props: HeadingProps): VNode {
  const { view, isReplay, isSynced, setSynced, hide, hasTimes, toggleTimes } = props;
  const modes = modeLabels(view.modes);
  const { state } = view.link;
  return (
    <header class="chat-head">
      <h2>{isReplay ? "Chat replay" : "Chat"}</h2>
      <p class="chat-link" role="status">
        {!isReplay && state === "away" && "Reconnecting…"}
        {!isReplay && state === "connecting" && "Connecting…"}
      </p>
      <button
        type="button"
        class="icon-button"
        aria-pressed={hasTimes}
        aria-label="Show when messages were sent"
        title="Show when messages were sent"
        onClick={toggleTimes}
      >
        <TimesIcon />
      </button>
      {!isReplay && (
        <button
          type="button"
          class="icon-button"
          aria-pressed={isSynced}
          aria-label="Sync chat with the video"
          title={isSynced ? "Chat is synced with the video" : "Chat is not synced with the video"}
          onClick={() => setSynced(!isSynced)}
        >
          <ClockIcon />
        </button>
      )}
      <button
        type="button"
        class="icon-button chat-less"
        aria-label="Show less of the chat"
        title="Show less of the chat"
        onClick={() => document.body.removeAttribute("data-whole-chat")}
      >
        <DownIcon />
      </button>
      <button type="button" class="icon-button" aria-label="Hide chat" title="Hide chat" onClick={hide}>
        <HideIcon />
      </button>
      {!isReplay && modes.length > 0 && <p class="chat-modes">{modes.join(" · ")}</p>}
    </header>
  );
}

function Pinned({ message }: { message: ChatEvent }): VNode {
  return (
    <section class="chat-pinned" aria-label="Pinned message">
      <PinIcon />
      <p>
        <ParticipantName by={message.by} /> <bdi>{message.text}</bdi>
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
          aria-label={`React with ${reactionName(emoji)}`}
          onClick={() => tap(emoji)}
        >
          <ReactionArt emoji={emoji} />
        </button>
      ))}
      <span class="spacer" />
      <button type="button" class="like" aria-label={`Like, ${likes} so far`} onClick={() => tap(LIKE_EMOJI)}>
        <HeartIcon />
        {formatCount(likes)}
      </button>
    </fieldset>
  );
}

interface FootProps extends ChatPanelProps {
  readonly replyTarget: ChatEvent | null;
  readonly onReplyDone: () => void;
}

function Foot(props: FootProps): VNode {
  const { signOutReason, allowsGuests, setGuestName, random, signInUrl, signOut } = props;
  const { link, you } = props.view;
  const [hasJoined, setJoined] = useState(false);
  const isGuest = you !== null && isGuestSubject(you.subject) && !isStaff(you.roles);
  if (link.state === "closed") {
    return (
      <>
        <p class="chat-foot-note bad" role="alert">
          {closeText(link.code, link.reason)}
        </p>
        {link.code === SOCKET_CLOSES.token.code && signInUrl !== null && <SignInLink url={signInUrl} />}
      </>
    );
  }
  if (isGuest && !allowsGuests) return <p class="chat-foot-note">Guests can’t chat right now. You can keep reading.</p>;
  if (you !== null) {
    return (
      <>
        <Composer {...props} isFocused={hasJoined} />
        {isGuest && (
          <button type="button" class="composer-leave" onClick={() => setGuestName(null)}>
            Change name
          </button>
        )}
        {isAccountSubject(you.subject) && (
          <button type="button" class="composer-leave" onClick={signOut}>
            Sign out
          </button>
        )}
      </>
    );
  }
  return (
    <>
      {signOutReason !== null && (
        <p class="chat-foot-note bad" role="alert">
          {signOutReason}
        </p>
      )}
      {link.state === "open" && (
        <SignIn
          allowsGuests={allowsGuests}
          signInUrl={signInUrl}
          random={random}
          enter={(name) => {
            setJoined(true);
            setGuestName(name);
          }}
        />
      )}
    </>
  );
}

function emptyListText({ link, you }: RoomView, replay: boolean): string {
  if (replay) return "No messages at this point.";
  if (link.state === "closed") return "";
  if (link.state !== "open") return "Connecting to chat…";
  return you === null ? "No messages yet." : "No messages yet. Say hello!";
}
