/** What checkers run of the product: it has the limits of the run. */
import type { FeedDecoder } from "../../../core/broadcast/feed-codec.ts";
import type { ProductPart } from "../kernel/product-code.ts";

/** The part of the product that checkers read feeds with. */
export const CHECKER_PART: ProductPart = {
  name: "checker",
  entry: `export { FeedDecoder } from "./core/broadcast/feed-codec.ts";`,
};

/** What the part exports. */
export interface CheckerExports {
  readonly FeedDecoder: new () => FeedDecoder;
}
