/** Sign-in for viewers without an account in this room. On a local edge a name is enough. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { CLIENT_ROOM_LIMITS } from "../../../core/room/client-room-limits.ts";
import { loadPreference, storePreference } from "../kit/viewer-session.ts";

/** The name that was chosen last on this device: a token is a tab's own, and a new tab asks again. */
const NAME_STORAGE_KEY = "corral.chat.name";

interface SignInProps {
  /** Signs in with a name; null if the edge grants no tokens. */
  readonly signIn: ((name: string) => Promise<boolean>) | null;
}

export function SignIn({ signIn }: SignInProps): VNode {
  const [name, setName] = useState(() => loadPreference(NAME_STORAGE_KEY) ?? "");
  const [failed, setFailed] = useState(false);
  if (signIn === null) return <p class="chat-foot-note">Sign in on the site that shows this stream to chat.</p>;
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        const chosen = name.trim();
        if (chosen === "") return;
        void signIn(chosen).then((joined) => {
          setFailed(!joined);
          if (joined) storePreference(NAME_STORAGE_KEY, chosen);
        });
      }}
    >
      <p class="composer-said bad" role="status" hidden={!failed}>
        Couldn’t join the chat. Try again.
      </p>
      <div class="composer-row">
        <label class="composer-box">
          <span class="sr">Your chat name</span>
          <input
            type="text"
            value={name}
            maxLength={CLIENT_ROOM_LIMITS.nameChars}
            autocomplete="nickname"
            placeholder="Choose a name to chat"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="composer-join" disabled={name.trim() === ""}>
          Join
        </button>
      </div>
    </form>
  );
}
