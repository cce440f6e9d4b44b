/** hls.js's audio loader without a wait at the start. */
import { AudioStreamController } from "hls.js";

/**
 * Sound is asked for as soon as the picture's first timestamp is known. Stock hls.js leaves a loader that waits for it
 * to its next tick, up to 100 ms later, where the picture comes in parts.
 */
export class PromptAudioController extends AudioStreamController {
  override onInitPtsFound(...args: Parameters<AudioStreamController["onInitPtsFound"]>): void {
    super.onInitPtsFound(...args);
    // The first tick ends the wait, the second loads.
    this.tick();
    this.tick();
  }
}
