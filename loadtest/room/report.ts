/** The room's part of a load report; pure. */
import { plot } from "../plot.ts";
import type { LoadResult } from "../run.ts";
import { playsRoom, type Scenario } from "../scenarios.ts";

/** Names of k6's trends about the room that a scenario has. */
export function roomLatencies(scenario: Scenario): readonly string[] {
  return playsRoom(scenario) ? ["room_welcome_ms", "room_seen_ms", "room_back_ms"] : [];
}

/** Pictures of what the room did; empty where nobody was in it. */
export function roomSection({ options, samples }: LoadResult): string {
  if (!playsRoom(options.scenario)) return "";
  const at = samples.map(({ atS }) => atS);
  const of = (key: "calls" | "watching" | "shards" | "likes"): number[] => samples.map(({ room }) => room?.[key] ?? 0);
  return `<h2>The room: people who watch, as it counts them</h2>
${plot(at, [{ name: "watching", values: of("watching") }])}
<h2>The room: calls to its object in each second</h2>
${plot(at, [{ name: "calls", values: of("calls") }])}
<h2>The room: shards</h2>
${plot(at, [{ name: "shards", values: of("shards") }])}
${options.scenario === "likes-storm" ? `<h2>The room: likes</h2>\n${plot(at, [{ name: "likes", values: of("likes") }])}` : ""}`;
}
