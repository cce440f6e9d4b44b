/** The player alone, for pages of other sites: the watch page's player, in a body that has no chat. */
import "../watch/watch.ts";
// Last: the picture fills the frame.
import "./embed.css";
