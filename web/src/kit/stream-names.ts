/** Names of streams in a text that is kept on this device; pure. */
import { parseStreamName } from "../../../core/kit/ids.ts";

/** The streams in a stored text; what is no stream's name is left out. */
export function parseStreamNames(text: string | null): readonly string[] {
  return (text ?? "").split(" ").filter((name) => parseStreamName(name) !== null);
}
