/** What the parts of the page draw. */
import type { AudienceCount } from "../player/status.ts";
import type { CaptureController } from "./capture-controller.ts";

/** What is shown. */
export interface GoLivePage {
  readonly name: string;
  readonly controller: CaptureController;
  readonly audience: AudienceCount | null;
  readonly nowMs: number;
  readonly isChatShown: boolean;
  readonly toggleChat: () => void;
}
