/** The name under which a viewer without an account chats, and the way to sign in to one. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Random } from "../../../core/kit/clock.ts";
import { CLIENT_ROOM_LIMITS } from "../../../core/room/client-room-limits.ts";
import { loadPreference, storePreference } from "../kit/viewer-session.ts";

/** The name that was chosen last on this device: it is suggested again. */
const NAME_STORAGE_KEY = "corral.chat.name";

interface SignInProps {
  /** Whether the deployment and the room take guests. */
  readonly allowsGuests: boolean;
  /** Where people sign in to an account of the edge; null without such a sign-in. */
  readonly signInUrl: string | null;
  readonly random: Random;
  readonly enter: (name: string) => void;
}

export function SignIn({ allowsGuests, signInUrl, random, enter }: SignInProps): VNode {
  const [name, setName] = useState(() => loadPreference(NAME_STORAGE_KEY) || suggestName(random));
  if (!allowsGuests) {
    return (
      <p class="chat-foot-note">
        {signInUrl === null ? "Sign in on the site that shows this stream to chat." : <SignInLink url={signInUrl} />}
      </p>
    );
  }
  return (
    <>
      <NameForm name={name} setName={setName} enter={enter} />
      {signInUrl !== null && <SignInLink url={signInUrl} />}
    </>
  );
}

/** Leads to the edge's sign-in. */
export const SignInLink = ({ url }: { readonly url: string }): VNode => (
  <a class="composer-leave" href={url} target="_top">
    Sign in
  </a>
);

interface NameFormProps extends Pick<SignInProps, "enter"> {
  readonly name: string;
  readonly setName: (name: string) => void;
}

function NameForm({ name, setName, enter }: NameFormProps): VNode {
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        const chosen = name.trim();
        if (chosen === "") return;
        storePreference(NAME_STORAGE_KEY, chosen);
        enter(chosen);
      }}
    >
      <div class="composer-row">
        <label class="composer-box">
          <span class="sr">Your chat name</span>
          <input
            type="text"
            value={name}
            maxLength={CLIENT_ROOM_LIMITS.nameChars}
            autocomplete="nickname"
            placeholder="Choose a name to chat"
            onFocus={(event) => event.currentTarget.select()}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="composer-join" disabled={name.trim() === ""}>
          Join chat
        </button>
      </div>
    </form>
  );
}

/** A name with which one tap is enough to chat. */
const suggestName = (random: Random): string => `Guest ${1_000 + Math.floor(9_000 * random())}`;
