/** Chat modes, levels of the automatic moderation, blocked and allowed words. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { type AutoModLevel, MODERATION_CATEGORIES } from "../../../../core/moderation/categories.ts";
import type { ChatModes } from "../../../../core/room/chat-modes.ts";
import { CLIENT_ROOM_LIMITS } from "../../../../core/room/client-room-limits.ts";
import { formatTimeSpan } from "../../chat/chat-text.ts";
import { CheckboxField, SelectField } from "../fields.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";
import { parseWordLines } from "./staff-lists.ts";

const SLOW_MODE_SECONDS: readonly number[] = [0, 3, 5, 10, 30, 60, 300];
const FOLLOWER_MINUTES: readonly (number | null)[] = [null, 0, 10, 60, 1_440, 10_080, 43_200];
const SWITCHES = [
  ["accountsOnly", "No guests: signed-in viewers only"],
  ["subscribersOnly", "Subscribers only"],
  ["verifiedOnly", "Verified users only"],
  ["emoteOnly", "Emoji only"],
  ["unique", "No repeated messages"],
  ["noLinks", "No links"],
  ["noCapitals", "No all-caps messages"],
  ["review", "Review every message"],
] as const;
const LEVEL_LABELS = ["off", "worst only", "mild", "strict", "strictest"] as const;

export function RulesTab({ desk }: { desk: ModerationDesk }): VNode {
  const { words, automod } = desk.staff;
  return (
    <>
      <ModesForm desk={desk} />
      <LevelsForm desk={desk} />
      <WordsForm
        key={`blocked ${words?.join("\n")}`}
        title="Blocked words"
        about="One word or phrase per line. Messages that contain one are refused."
        words={words}
        save={(list) => desk.runCommand({ kind: "words", words: list }, "Blocked words saved.")}
      />
      <WordsForm
        key={`allowed ${automod?.allowed.join("\n")}`}
        title="Allowed words"
        about="Exceptions from the built-in lists."
        words={automod?.allowed ?? null}
        save={(allowed) => desk.runCommand({ kind: "automod", automod: { allowed } }, "Allowed words saved.")}
      />
    </>
  );
}

function ModesForm({ desk }: { desk: ModerationDesk }): VNode {
  const { modes } = desk.view;
  const set = (changed: Partial<ChatModes>): Promise<void> =>
    desk.runCommand({ kind: "modes", modes: changed }, "Chat rules saved.");
  const slow = SLOW_MODE_SECONDS.includes(modes.slowS) ? SLOW_MODE_SECONDS : [...SLOW_MODE_SECONDS, modes.slowS];
  const followed = FOLLOWER_MINUTES.includes(modes.followersMin)
    ? FOLLOWER_MINUTES
    : [...FOLLOWER_MINUTES, modes.followersMin];
  return (
    <fieldset class="fields">
      <legend>Chat rules</legend>
      <SelectField
        class="field"
        label="Slow mode"
        value={modes.slowS}
        options={slow.map((seconds) => [seconds, seconds === 0 ? "off" : formatTimeSpan(seconds)])}
        onSelect={(value) => set({ slowS: Number(value) })}
      />
      <SelectField
        class="field"
        label="Followers only"
        value={modes.followersMin ?? "off"}
        options={followed.map((minutes) => [minutes ?? "off", followersText(minutes)])}
        onSelect={(value) => set({ followersMin: value === "off" ? null : Number(value) })}
      />
      {SWITCHES.map(([name, label]) => (
        <CheckboxField
          key={name}
          class="field"
          label={label}
          checked={modes[name]}
          onToggle={(checked) => set({ [name]: checked })}
        />
      ))}
    </fieldset>
  );
}

function followersText(minutes: number | null): string {
  if (minutes === null) return "off";
  return minutes === 0 ? "any follower" : `for ${formatTimeSpan(60 * minutes)}`;
}

function LevelsForm({ desk }: { desk: ModerationDesk }): VNode | null {
  const levels = desk.staff.automod?.levels;
  if (levels === undefined) return null;
  return (
    <fieldset class="fields">
      <legend>Automatic moderation</legend>
      {MODERATION_CATEGORIES.map((category) => (
        <SelectField
          key={category}
          class="field"
          label={<span class="category">{category}</span>}
          value={levels[category]}
          options={LEVEL_LABELS.map((label, level) => [level, `${level} · ${label}`])}
          onSelect={(value) => {
            const level = Number(value) as AutoModLevel;
            return desk.runCommand({ kind: "automod", automod: { levels: { [category]: level } } }, "Levels saved.");
          }}
        />
      ))}
    </fieldset>
  );
}

interface WordsFormProps {
  readonly title: string;
  readonly about: string;
  readonly words: readonly string[] | null;
  readonly save: (words: string[]) => Promise<void>;
}

function WordsForm({ title, about, words, save }: WordsFormProps): VNode | null {
  const [text, setText] = useState(words?.join("\n") ?? "");
  if (words === null) return null;
  const typed = parseWordLines(text);
  const long = typed.find((word) => word.length > CLIENT_ROOM_LIMITS.blockedWordChars);
  const changed = typed.join("\n") !== words.join("\n");
  const fits = typed.length <= CLIENT_ROOM_LIMITS.blockedWords && long === undefined;
  return (
    <form
      class="fields words"
      onSubmit={(event) => {
        event.preventDefault();
        void save(typed);
      }}
    >
      <label>
        <span class="legend">{title}</span>
        <span class="card-more">{about}</span>
        <textarea rows={4} value={text} spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <p class={fits ? "card-more" : "card-more bad"}>
        {long === undefined
          ? `${typed.length} of ${CLIENT_ROOM_LIMITS.blockedWords}`
          : `“${long.slice(0, 24)}…” is too long`}
      </p>
      <button type="submit" class="plain-button" disabled={!changed || !fits}>
        Save
      </button>
    </form>
  );
}
