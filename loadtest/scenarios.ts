/** What k6 plays: who watches, who is in the room. */

/** Scenarios of viewers that `k6/viewer.ts` plays. */
const VIDEO_SCENARIOS = ["spike", "steady", "ramp", "churn", "herd-at-part", "dvr-seek", "soak"] as const;
/** Scenarios of people in a room, which `k6/room.ts` plays; in `mixed` they watch as well. */
const ROOM_SCENARIOS = ["chat-storm", "join-storm", "reconnect-storm", "likes-storm", "mixed"] as const;
/** All of them. */
export const SCENARIOS = [...VIDEO_SCENARIOS, ...ROOM_SCENARIOS] as const;
/** One of them. */
export type Scenario = (typeof SCENARIOS)[number];

/** Whether people of a scenario watch a broadcast. */
export function watchesVideo(scenario: Scenario): boolean {
  return scenario === "mixed" || !joinsRoom(scenario);
}

/** Whether people of a scenario are in a room. */
export function joinsRoom(scenario: Scenario): boolean {
  return (ROOM_SCENARIOS as readonly string[]).includes(scenario);
}

/** The script of `k6/` that plays a scenario. */
export function k6ScriptOf(scenario: Scenario): string {
  if (scenario === "mixed") return "mixed.ts";
  return joinsRoom(scenario) ? "room.ts" : "viewer.ts";
}
