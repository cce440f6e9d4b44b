/** Where people sign in: pages read it from an attribute of the document, so nobody asks for it. */
import { type SignInTarget, signInPath } from "../../core/access/sign-in-path.ts";
import type { Config } from "../../core/api/config.ts";

/** Gives a page's element the address of the sign-in, if the edge has one of its own. */
export function addSignIn(element: Element, { signIn }: Pick<Config, "signIn">, target: SignInTarget): void {
  if (signIn !== null) element.setAttribute("data-sign-in", signInPath(target));
}
