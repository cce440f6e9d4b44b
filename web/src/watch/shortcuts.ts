/** Keys that act on the whole page. */

/** What a key does. */
export type ShortcutAction =
  | "play"
  | "mute"
  | "back"
  | "forward"
  | "louder"
  | "quieter"
  | "previousFrame"
  | "nextFrame"
  | "live"
  | "fullscreen"
  | "theatre"
  | "chat"
  | "write"
  | "pip"
  | "statistics"
  | "nextStream"
  | "previousStream"
  | "help";

/** A key press, as far as shortcuts depend on it. */
export type KeyPress = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

/** The shortcuts by what they do, in the order of the help sheet; a capital is its letter with Shift, `name` is how keys are shown. */
export const SHORTCUTS: readonly {
  readonly action: ShortcutAction;
  readonly keys: readonly string[];
  readonly name: string;
  readonly text: string;
}[] = [
  { action: "play", keys: ["k", " "], name: "K, Space", text: "Play or pause" },
  { action: "mute", keys: ["m"], name: "M", text: "Sound on or off" },
  { action: "louder", keys: ["ArrowUp"], name: "↑", text: "Louder" },
  { action: "quieter", keys: ["ArrowDown"], name: "↓", text: "Quieter" },
  { action: "back", keys: ["j", "ArrowLeft"], name: "J, ←", text: "Back 10 seconds" },
  { action: "forward", keys: ["l", "ArrowRight"], name: "L, →", text: "Forward 10 seconds" },
  { action: "live", keys: ["0"], name: "0", text: "Go live, or to a recording’s start" },
  { action: "previousFrame", keys: [","], name: ",", text: "One picture back, while a recording is paused" },
  { action: "nextFrame", keys: ["."], name: ".", text: "One picture on, while a recording is paused" },
  { action: "fullscreen", keys: ["f"], name: "F", text: "Full screen" },
  { action: "theatre", keys: ["t"], name: "T", text: "Theatre" },
  { action: "pip", keys: ["p"], name: "P", text: "Picture in picture" },
  { action: "chat", keys: ["c"], name: "C", text: "Show or hide the chat" },
  { action: "write", keys: ["/"], name: "/", text: "Write in the chat" },
  { action: "statistics", keys: ["i"], name: "I", text: "Statistics" },
  { action: "nextStream", keys: ["N"], name: "Shift+N", text: "Next live stream" },
  { action: "previousStream", keys: ["P"], name: "Shift+P", text: "Previous live stream" },
  { action: "help", keys: ["?"], name: "?", text: "These shortcuts" },
];

const ACTIONS: ReadonlyMap<string, ShortcutAction> = new Map(
  SHORTCUTS.flatMap(({ action, keys }) => keys.map((key) => [key, action])),
);

/** What a key press asks for: an action, a tenth of a recording (1–9), or nothing. */
export function readShortcut({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyPress): ShortcutAction | number | null {
  // They belong to the browser and to screen readers.
  if (ctrlKey || metaKey || altKey) return null;
  if (/^[1-9]$/.test(key)) return Number(key);
  // Caps Lock writes a capital without Shift, and a small letter with it.
  const isLetter = /^[a-z]$/i.test(key);
  const named = isLetter ? (shiftKey ? key.toUpperCase() : key.toLowerCase()) : key;
  return ACTIONS.get(named) ?? null;
}
