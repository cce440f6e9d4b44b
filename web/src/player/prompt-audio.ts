/** hls.js's audio loader without its delay at the start. */
import { AudioStreamController } from "hls.js";

/**
 * Audio is requested as soon as the video's first timestamp is known. Stock hls.js delays a loader that waits for it
 * until its next tick, up to 100 ms later, if the video arrives in parts.
 */
export class PromptAudioController extends AudioStreamController {
  override onInitPtsFound(...args: Parameters<AudioStreamController["onInitPtsFound"]>): void {
    super.onInitPtsFound(...args);
    // The first tick ends the wait, the second loads.
    this.tick();
    this.tick();
  }
}
