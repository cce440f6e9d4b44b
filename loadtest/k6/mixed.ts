/** Viewers who also chat: the viewer of `viewer.ts` and the participant of `room.ts` in one. */
import runParticipant, { roomThresholds } from "./room.ts";
import runViewer, { options as viewing } from "./viewer.ts";

export { handleSummary } from "./viewer.ts";

export const options = { ...viewing, thresholds: { ...viewing.thresholds, ...roomThresholds } };

export default async function runMixed(): Promise<void> {
  await Promise.all([runViewer(), runParticipant()]);
}
