/** People who watch and chat at once, as at a watch page: the viewer of `viewer.ts` and the person of `room.ts` in one. */
import person, { roomThresholds } from "./room.ts";
import viewer, { options as viewing } from "./viewer.ts";

export { handleSummary } from "./viewer.ts";

export const options = { ...viewing, thresholds: { ...viewing.thresholds, ...roomThresholds } };

export default async function both(): Promise<void> {
  await Promise.all([viewer(), person()]);
}
