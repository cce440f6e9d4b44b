/** Keeps the token of a sign-in for the tab, and goes to the page that it is for. No address has the token, and no history. */
import { loadViewerToken, storeViewerToken } from "../kit/viewer-session.ts";

const data = document.getElementById("account")?.dataset;
const [stream, token, to] = [data?.["stream"], data?.["token"], data?.["to"]];
if (stream !== undefined && token !== undefined && to !== undefined) {
  storeViewerToken(stream, token);
  // A browser that forbids storage takes it in the fragment, as that of a link.
  location.replace(loadViewerToken(stream) === token ? to : `${to}#token=${token}`);
}
