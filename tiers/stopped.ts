/** A request that met a stop. */
import type { Stop } from "../protocol/stop.ts";

/** The stream was stopped: nothing of it is given. */
export class StreamStopped extends Error {
  override readonly name = "StreamStopped";
  readonly stop: Stop;

  constructor(stop: Stop) {
    super("the stream was stopped");
    this.stop = stop;
  }
}
