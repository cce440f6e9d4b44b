/**
 * The layout that the viewer chose: attributes of the root element, which stands before the page's body does. The document's first
 * script sets them, so that nothing is painted in another layout first.
 */
import { loadPreference, storePreference } from "../kit/viewer-session.ts";

const CHAT_HIDDEN_STORAGE_KEY = "corral.chat.hidden";
const THEATRE_STORAGE_KEY = "corral.theatre";

/** Whether the viewer wants the chat shown; a new one does. */
export const isChatWanted = (): boolean => loadPreference(CHAT_HIDDEN_STORAGE_KEY) !== "1";

/** Stores whether the viewer wants it shown. */
export const storeChatWish = (isWanted: boolean): void =>
  storePreference(CHAT_HIDDEN_STORAGE_KEY, isWanted ? "0" : "1");

/** Gives the chat its room, or the picture all of it. */
export function markChat(isShown: boolean): void {
  document.documentElement.dataset["chat"] = isShown ? "shown" : "hidden";
}

/** Whether the viewer wants the picture to fill a wide window. */
export const isTheatreWanted = (): boolean => loadPreference(THEATRE_STORAGE_KEY) === "1";

/** Stores whether the viewer wants it so. */
export const storeTheatreWish = (isWanted: boolean): void => storePreference(THEATRE_STORAGE_KEY, isWanted ? "1" : "0");

/** Lets the picture fill a wide window, or puts it back into its column. */
export function markTheatre(isTheatre: boolean): void {
  document.documentElement.toggleAttribute("data-theatre", isTheatre);
}

/** The page as the viewer left it. */
export function applyStoredLayout(): void {
  markChat(isChatWanted());
  markTheatre(isTheatreWanted());
}
