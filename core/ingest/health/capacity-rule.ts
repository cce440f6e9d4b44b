/** The rule of senders, and of renditions, that wait for a place to be encoded. */
import { type HealthRule, healthReading } from "./health-rule.ts";
import { HEALTH_SENTENCES as SAY } from "./health-sentences.ts";

/** The rules. */
export const CAPACITY_RULES: readonly HealthRule[] = [
  {
    id: "capacity-wait",
    forMs: 2_000,
    read: ({ capacityWait, waitingRenditions: names }) => {
      if (capacityWait !== null)
        return healthReading("info", capacityWait.ahead, 0, SAY.capacityWait(capacityWait.ahead, capacityWait.roomAt));
      return names.length === 0 ? null : healthReading("warning", names.length, 0, SAY.renditionsWait(names));
    },
  },
];
