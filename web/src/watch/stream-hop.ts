/** Goes to another live stream of the directory, which is asked for only then. */
import { fetchDirectoryPage } from "../kit/directory-client.ts";
import { neighborStream } from "./neighbor-stream.ts";

/** Opens the next (1) or previous (-1) live stream; returns why it can't, or null. Never rejects. */
export async function hopToStream(current: string, step: 1 | -1): Promise<string | null> {
  try {
    const { live } = await fetchDirectoryPage(null);
    const next = neighborStream(
      live.map(({ stream }) => stream),
      current,
      step,
    );
    if (next === null) return "Nothing else is live.";
    location.assign(`/watch/${next}`);
    return null;
  } catch {
    return "The list of streams does not load.";
  }
}
