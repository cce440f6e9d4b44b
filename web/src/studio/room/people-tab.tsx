/** Moderators and bans. */
import type { VNode } from "preact";
import { CLIENT_ROOM_LIMITS } from "../../../../core/room/client-room-limits.ts";
import { formatTimeSpan } from "../../chat/chat-text.ts";
import { TextForm } from "../fields.tsx";
import { Invitations } from "./invitations.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";
import { collectNames, nameOf, type PeopleNames } from "./people-names.ts";
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
  const names = collectNames(desk.view, desk.staff);
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
        {moderators.map((each) => {
          const name = nameOf(each, names);
          return (
            <li key={each} class="card-row">
              <bdi title={each}>{name}</bdi>
              {isHost && (
                <button
                  type="button"
                  class="plain-button"
                  onClick={() => appoint(each, null, `${name} is no longer a moderator.`)}
                >
                  Remove<span class="sr"> {name}</span>
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {isHost && <Invitations desk={desk} />}
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
  const names = collectNames(desk.view, desk.staff);
  return (
    <section class="fields" aria-labelledby="bans">
      <h4 id="bans" class="legend">
        Banned and timed out
      </h4>
      {people.length === 0 && <p class="card-more">No bans or timeouts.</p>}
      <ul class="cards">
        {people.map((person) => {
          const name = nameOf(person.subject, names);
          return (
            <li key={person.subject} class="card-row">
              <div>
                <bdi title={person.subject}>{name}</bdi>
                <p class="card-more">{sanctionText(person, desk.serverNowMs(), names)}</p>
              </div>
              <button
                type="button"
                class="plain-button"
                onClick={() =>
                  void desk.runCommand({ kind: "unban", subject: person.subject }, `${name} can chat again.`)
                }
              >
                {person.ban ? "Unban" : "Lift"}
                <span class="sr"> {name}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function sanctionText(
  { ban, by, untilMs, devices, addresses }: SanctionSummary,
  nowMs: number,
  names: PeopleNames,
): string {
  const what =
    untilMs === null || ban ? "banned" : `timed out for another ${formatTimeSpan((untilMs - nowMs) / 1_000)}`;
  const along = [
    ...(devices > 0 ? [`${devices} ${devices === 1 ? "device" : "devices"}`] : []),
    ...(addresses > 0 ? [`${addresses} ${addresses === 1 ? "address" : "addresses"}`] : []),
  ];
  return `${what} by ${nameOf(by, names)}${along.length > 0 ? `, with ${along.join(" and ")}` : ""}`;
}
