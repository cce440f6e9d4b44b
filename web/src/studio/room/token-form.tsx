/** The form for a moderator's token. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ModerationDesk } from "./moderation-desk.ts";

export function TokenForm({ desk }: { desk: ModerationDesk }): VNode {
  const [token, setToken] = useState("");
  const { you } = desk.view;
  return (
    <form
      class="token-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (token.trim() !== "") desk.useToken(token.trim());
      }}
    >
      <p>{you === null ? "A host’s or a moderator’s token opens the desk." : `${you.name} doesn’t moderate here.`}</p>
      <label>
        <span class="sr">Token</span>
        <input
          type="password"
          value={token}
          autocomplete="off"
          placeholder="Viewer token"
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="plain-button" disabled={token.trim() === ""}>
        Open
      </button>
    </form>
  );
}
