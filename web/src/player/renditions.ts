/** The renditions of a playlist under their displayed names, in the form that media-chrome's menu reads. */

/** One rendition; `id` is its index in the player's list. */
export interface RenditionOption {
  readonly id: string;
  /** `720p`, as in the track's address, else by its shorter side. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Peak bits per second. */
  readonly bitrate: number;
}

const TRACK_IN_ADDRESS = /\/[^/]+\/([a-z0-9][a-z0-9_-]{0,31})\/[a-z-]+\.m3u8(?:\?|$)/;

/** A level's name: the track in its address if that looks like a size, else its shorter side, else its bit rate. */
export function renditionName(url: string, width: number, height: number, bitrate: number): string {
  const track = TRACK_IN_ADDRESS.exec(url)?.[1];
  if (track !== undefined && /^\d+p/.test(track)) return track;
  if (width > 0 && height > 0) return `${Math.min(width, height)}p`;
  return track ?? `${Math.round(bitrate / 1000)}k`;
}

/**
 * The API of `video.videoRenditions` for media-chrome: array-like, with `selectedIndex` (-1 = automatic) and the
 * events `addrendition`, `removerendition` and `change`.
 */
export class RenditionList extends EventTarget {
  #items: readonly RenditionOption[] = [];
  #selected = -1;
  readonly #onChoice: (index: number) => void;

  /** `choose` is called with the index that the menu selects, -1 for automatic. */
  constructor(choose: (index: number) => void) {
    super();
    this.#onChoice = choose;
  }

  get length(): number {
    return this.#items.length;
  }

  get items(): readonly RenditionOption[] {
    return this.#items;
  }

  [Symbol.iterator](): Iterator<RenditionOption> {
    return this.#items[Symbol.iterator]();
  }

  get selectedIndex(): number {
    return this.#selected;
  }

  set selectedIndex(index: number) {
    if (index === this.#selected || index >= this.#items.length) return;
    this.#selected = index;
    this.#onChoice(index);
    this.dispatchEvent(new Event("change"));
  }

  /** Replaces the list; the selected rendition stays selected by name if it still exists. */
  replace(items: readonly RenditionOption[]): void {
    const chosen = this.#items[this.#selected]?.name;
    for (const index of this.#items.keys()) delete (this as Record<number, unknown>)[index];
    this.#items = items;
    for (const [index, item] of items.entries()) (this as Record<number, unknown>)[index] = item;
    this.#selected = items.findIndex((item) => item.name === chosen);
    if (this.#selected !== -1) this.#onChoice(this.#selected);
    this.dispatchEvent(new Event(items.length === 0 ? "removerendition" : "addrendition"));
    this.dispatchEvent(new Event("change"));
  }
}
