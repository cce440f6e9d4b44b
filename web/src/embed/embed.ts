/** The player alone, for pages of other sites: no chat, no sheets, and no layout of a phone, whatever the frame's size. */
import "../kit/base.css";
import "../watch/watch.css";
// Last: the picture fills the frame.
import "./embed.css";
import "../watch/player-page.ts";
