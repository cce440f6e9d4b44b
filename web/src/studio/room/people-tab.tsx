/** Moderators and bans. */
import type { VNode } from "preact";
import { CLIENT_ROOM_LIMITS } from "../../../../core/room/client-room-limits.ts";
import { formatTimeSpan } from "../../chat/chat-text.ts";
import { TextForm } from "../fields.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";
import { groupSanctions, type SanctionSummary } from "./staff-lists.ts";

export function PeopleTab({ desk }: { desk: ModerationDesk }): VNode {
  return (
    <>
      <Moderators desk={desk} />
      <Bans desk={desk} />
    </>
  );
}

function Moderators({ desk }: { desk: ModerationDesk }): VNode {
  const isHost = desk.view.you?.roles.includes("host") === true;
  const moderators = desk.staff.moderators ?? [];
  const appoint = (whom: string, role: "moderator" | null, done: string): void => {
    void desk.runCommand({ kind: "role", subject: whom, role }, done);
  };
  return (
    <section class="fields" aria-labelledby="moderators">
      <h4 id="moderators" class="legend">
        Moderators
      </h4>
      {moderators.length === 0 && <p class="card-more">No moderators yet.</p>}
      <ul class="cards">
        {moderators.map((each) => (
          <li key={each} class="card-row">
            <bdi>{each}</bdi>
            {isHost && (
              <button
                type="button"
                class="plain-button"
                onClick={() => appoint(each, null, `${each} is no longer a moderator.`)}
              >
                Remove<span class="sr"> {each}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      {isHost && (
        <TextForm
          class="inline-form"
          label="Account of the new moderator"
          placeholder="Account"
          button="Add moderator"
          maxLength={CLIENT_ROOM_LIMITS.nameChars}
          submit={(whom) => {
            appoint(whom, "moderator", `${whom} is now a moderator.`);
            return true;
          }}
        />
      )}
    </section>
  );
}

function Bans({ desk }: { desk: ModerationDesk }): VNode {
  const people = groupSanctions(desk.staff.bans ?? [], desk.serverNowMs());
  return (
    <section class="fields" aria-labelledby="bans">
      <h4 id="bans" class="legend">
        Banned and timed out
      </h4>
      {people.length === 0 && <p class="card-more">No bans or timeouts.</p>}
      <ul class="cards">
        {people.map((person) => (
          <li key={person.subject} class="card-row">
            <div>
              <bdi>{person.subject}</bdi>
              <p class="card-more">{sanctionText(person, desk.serverNowMs())}</p>
            </div>
            <button
              type="button"
              class="plain-button"
              onClick={() =>
                void desk.runCommand({ kind: "unban", subject: person.subject }, `${person.subject} can chat again.`)
              }
            >
              {person.ban ? "Unban" : "Lift"}
              <span class="sr"> {person.subject}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function sanctionText({ ban, by, untilMs, devices, addresses }: SanctionSummary, nowMs: number): string {
  const what =
    untilMs === null || ban ? "banned" : `timed out for another ${formatTimeSpan((untilMs - nowMs) / 1_000)}`;
  const along = [
    ...(devices > 0 ? [`${devices} ${devices === 1 ? "device" : "devices"}`] : []),
    ...(addresses > 0 ? [`${addresses} ${addresses === 1 ? "address" : "addresses"}`] : []),
  ];
  return `${what} by ${by}${along.length > 0 ? `, with ${along.join(" and ")}` : ""}`;
}
