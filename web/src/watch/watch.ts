/** The watch page. */
import "../kit/base.css";
import "./watch.css";
import "./about.css";
import "./sheet.css";
import "../chat/chat.css";
// Last: it puts the chat over the picture.
import "./phone.css";
import "./player-page.ts";
