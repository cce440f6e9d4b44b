/** The form for a moderator's token. */
import type { VNode } from "preact";
import { TextForm } from "../fields.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";

export function TokenForm({ desk }: { desk: ModerationDesk }): VNode {
  const { you } = desk.view;
  return (
    <TextForm
      class="token-form"
      about={you === null ? "A host’s or a moderator’s token opens the desk." : `${you.name} doesn’t moderate here.`}
      label="Token"
      placeholder="Viewer token"
      button="Open"
      isSecret
      submit={(token) => {
        desk.useToken(token);
        return false;
      }}
    />
  );
}
