/**
 * Addresses of the edge's own sign-in. What a person returns to is a page and a stream, both parsed: no address is passed on, so
 * nothing leads to another site.
 */
import { parseStreamName, type StreamName } from "../kit/ids.ts";

/** The pages that people sign in for. */
export type SignInPage = "watch" | "studio";

/** Where a person goes when signed in. */
export interface SignInTarget {
  readonly page: SignInPage;
  readonly stream: StreamName;
}

/** What an address of the sign-in is for. */
export type SignInRoute =
  | ({ readonly kind: "choice" | "provider" | "mail" } & SignInTarget)
  | { readonly kind: "callback" | "link" };

/** Where a provider sends people back to. */
export const SIGN_IN_CALLBACK_PATH = "/sign-in/callback";
/** Where a mailed link leads to. */
export const SIGN_IN_LINK_PATH = "/sign-in/link";

/** Where a person signs in for a page. */
export const signInPath = ({ page, stream }: SignInTarget): string => `/sign-in/${page}/${stream}`;

/** Where a person goes on to the provider, or asks for a mail. */
export const signInStepPath = (target: SignInTarget, step: "provider" | "mail"): string =>
  `${signInPath(target)}/${step}`;

/** The page that a person returns to. */
export const targetPath = ({ page, stream }: SignInTarget): string => `/${page}/${stream}`;

/** The route of a path, or null. */
export function parseSignInPath(path: string): SignInRoute | null {
  if (path === SIGN_IN_CALLBACK_PATH) return { kind: "callback" };
  if (path === SIGN_IN_LINK_PATH) return { kind: "link" };
  const [, page, name = "", step = "choice"] =
    /^\/sign-in\/(watch|studio)\/([^/]+)(?:\/(provider|mail))?$/.exec(path) ?? [];
  const stream = parseStreamName(name);
  if (page === undefined || stream === null) return null;
  return { kind: step as "choice" | "provider" | "mail", page: page as SignInPage, stream };
}
