/** Scenarios: viewers, and participants of a room. */

/** Scenarios of viewers, in `k6/viewer.ts`. */
const VIDEO_SCENARIOS = ["spike", "steady", "ramp", "churn", "herd-at-part", "dvr-seek", "soak", "flow"] as const;
/** Scenarios of participants in a room, in `k6/room.ts`; in `mixed` they also watch. */
const ROOM_SCENARIOS = ["chat-storm", "join-storm", "reconnect-storm", "likes-storm", "mixed"] as const;
/** All scenarios. */
export const SCENARIOS = [...VIDEO_SCENARIOS, ...ROOM_SCENARIOS] as const;
/** One scenario. */
export type Scenario = (typeof SCENARIOS)[number];

/** Whether a scenario has viewers of a broadcast. */
export function watchesVideo(scenario: Scenario): boolean {
  return scenario === "mixed" || !joinsRoom(scenario);
}

/** Whether a scenario has participants in a room. */
export function joinsRoom(scenario: Scenario): boolean {
  return (ROOM_SCENARIOS as readonly string[]).includes(scenario);
}

/** Whether the viewers watch by flow, which k6 cannot. */
export const watchesFlow = (scenario: Scenario): boolean => scenario === "flow";

/** The script of a scenario in `k6/`. */
export function k6ScriptOf(scenario: Scenario): string {
  if (scenario === "mixed") return "mixed.ts";
  return joinsRoom(scenario) ? "room.ts" : "viewer.ts";
}
