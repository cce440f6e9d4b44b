/** The platform of a Durable Object as its parts receive it. */
import type { Platform } from "../../core/kit/clock.ts";

/** Reads the object's platform at each use, so that a platform set later, as tests do, applies to all its parts. */
export function platformOf(object: { readonly platform: Platform }): Platform {
  return {
    clock: {
      nowMs: () => object.platform.clock.nowMs(),
      monotonicMs: () => object.platform.clock.monotonicMs(),
      startTimer: (delayMs, callback) => object.platform.clock.startTimer(delayMs, callback),
    },
    random: () => object.platform.random(),
    newId: () => object.platform.newId(),
  };
}
