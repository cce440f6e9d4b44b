/** The rule of senders that wait for a place to be encoded anew. */
import { type HealthRule, healthReading } from "./health-rule.ts";
import { HEALTH_SENTENCES as SAY } from "./health-sentences.ts";

/** The rules. */
export const CAPACITY_RULES: readonly HealthRule[] = [
  {
    id: "capacity-wait",
    forMs: 2_000,
    read: ({ capacityWait }) =>
      capacityWait === null
        ? null
        : healthReading("info", capacityWait.ahead, 0, SAY.capacityWait(capacityWait.ahead, capacityWait.roomAt)),
  },
];
