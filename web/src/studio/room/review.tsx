/** Messages that wait for a moderator. */
import type { VNode } from "preact";
import { Name, Text } from "../../chat/message.tsx";
import type { Desk } from "./desk.ts";

export function ReviewQueue({ desk }: { desk: Desk }): VNode {
  const { held } = desk.staff;
  if (held.length === 0) return <p class="tab-empty">Nothing waits for you.</p>;
  return (
    <ul class="cards">
      {held.map(({ id, by, text, reasons }) => (
        <li key={id} class="card-row">
          <div>
            <p class="chat-message">
              <Name by={by} />
              <Text text={text} me={null} />
            </p>
            <p class="card-more">{reasons.map(reasonInWords).join(", ")}</p>
          </div>
          <button
            type="button"
            class="plain-button good"
            aria-label={`Approve the message of ${by.name}`}
            onClick={() => void desk.act({ kind: "approve", held: id }, "Approved.")}
          >
            Approve
          </button>
          <button
            type="button"
            class="plain-button"
            aria-label={`Deny the message of ${by.name}`}
            onClick={() => void desk.act({ kind: "deny", held: id }, "Denied.")}
          >
            Deny
          </button>
        </li>
      ))}
    </ul>
  );
}

function reasonInWords(reason: string): string {
  if (reason === "mode") return "every message is reviewed";
  if (reason === "reviewer") return "the reviewer isn’t sure";
  return reason === "unreviewed" ? "the reviewer didn’t answer" : `may be ${reason}`;
}
