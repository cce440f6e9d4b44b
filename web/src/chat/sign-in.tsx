/** Sign-in for viewers without an account in this room. On a local edge a name is enough. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { CLIENT_ROOM_LIMITS } from "../../../core/room/client-room-limits.ts";

interface SignInProps {
  /** Signs in with a name; null if the edge grants no tokens. */
  readonly signIn: ((name: string) => Promise<boolean>) | null;
}

export function SignIn({ signIn }: SignInProps): VNode {
  const [name, setName] = useState("");
  const [failed, setFailed] = useState(false);
  if (signIn === null) return <p class="chat-foot-note">Sign in on the site that shows this stream to chat.</p>;
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== "") void signIn(name.trim()).then((joined) => setFailed(!joined));
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
