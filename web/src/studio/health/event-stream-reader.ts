/** Server-sent events (HTML §9.2.6) of a response that `fetch` reads: `EventSource` sends no token. */

/** Characters of an unfinished event at most: ten minutes of figures have some 80 kB. */
const MAX_EVENT_CHARS = 1_000_000;

/** The events of one response; pure. Fields other than `data` are ignored. */
export class EventStreamReader {
  readonly #decoder = new TextDecoder();
  #text = "";

  /** The data of each event that this chunk completes. Throws `RangeError` if an event is too long. */
  push(chunk: Uint8Array): string[] {
    this.#text += this.#decoder.decode(chunk, { stream: true });
    const events = this.#text.split(/\r\n\r\n|\n\n|\r\r/);
    this.#text = events.pop() ?? "";
    if (this.#text.length > MAX_EVENT_CHARS) throw new RangeError("an event is too long");
    return events.flatMap((event) => {
      const lines = event.split(/\r\n|\n|\r/).filter((line) => line.startsWith("data:"));
      return lines.length === 0 ? [] : [lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n")];
    });
  }
}
