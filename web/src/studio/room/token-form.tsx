/** The form for a moderator's token. */
import type { VNode } from "preact";
import { TextForm } from "../fields.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";

export function TokenForm({ desk }: { desk: ModerationDesk }): VNode {
  const { you } = desk.view;
  return (
    <TextForm
      class="token-form"
      about={
        you === null
          ? "Enter a host’s or moderator’s token to moderate."
          : `${you.name} is not a moderator of this room.`
      }
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
