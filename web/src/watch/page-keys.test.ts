import { afterEach, expect, test, vi } from "vitest";
import { listenToPageKeys } from "./page-keys.ts";

afterEach(() => vi.unstubAllGlobals());

/** What has the focus: nothing with keys of its own. */
class FakeElement extends EventTarget {
  readonly localName = "body";
  closest(): null {
    return null;
  }
  matches(): boolean {
    return false;
  }
  getRootNode(): FakeElement {
    return this;
  }
}

/** A page with these actions; its `press` says whether the key was taken from the browser. */
function openPage({ isReplay = false, actions = [] as readonly string[] } = {}): {
  ran: string[];
  press: (key: string) => boolean;
} {
  const page = new EventTarget();
  vi.stubGlobal("document", page);
  vi.stubGlobal("Element", FakeElement);
  vi.stubGlobal("ShadowRoot", class {});
  const ran: string[] = [];
  const seekable = { length: isReplay ? 1 : 0, start: () => 0, end: () => 100 };
  const video = { paused: true, muted: false, volume: 0.5, currentTime: 50, duration: 100, seekable };
  listenToPageKeys({
    video: Object.assign(video, { play: async () => {} }) as unknown as HTMLVideoElement,
    isReplay: () => isReplay,
    run: (action) => {
      ran.push(action);
      return actions.includes(action);
    },
  });
  const press = (key: string): boolean => {
    const event = new Event("keydown", { cancelable: true });
    const held = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
    Object.assign(event, { key, ...held, composedPath: () => [new FakeElement()] });
    page.dispatchEvent(event);
    return event.defaultPrevented;
  };
  return { ran, press };
}

test("a key is taken from the browser only if it does something", () => {
  const live = openPage({ actions: ["live"] });
  expect(["k", "m", "ArrowUp", "0"].map(live.press)).toEqual([true, true, true, true]);
  // `/` is the search of Firefox: a player without a chat leaves it.
  expect(["/", "c", "?", "5", "j", "ArrowRight", "."].map(live.press)).toEqual(Array(7).fill(false));
  expect(live.ran).toEqual(["live", "write", "chat", "help"]);
  const replay = openPage({ isReplay: true });
  expect(["5", "j", "ArrowRight", "."].map(replay.press)).toEqual([true, true, true, true]);
});
