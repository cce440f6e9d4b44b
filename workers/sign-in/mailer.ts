/** Sends the mails of the sign-in: by Cloudflare's Email Service, or on a local edge to its terminal. */
import type { MailConfig } from "../../core/api/sign-in-config.ts";
import { BRAND } from "../../core/kit/brand.ts";
import type { RequestScope } from "../kit/app-env.ts";

/** A mail. */
export interface SignInMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Sends mails. `send` rejects where a mail was not taken. */
export interface Mailer {
  send(mail: SignInMail): Promise<void>;
}

/** The mailer of a deployment with the binding `EMAIL`, and of a local run; null elsewhere. */
export function findMailer({ env, config }: Pick<RequestScope, "env" | "config">, { from }: MailConfig): Mailer | null {
  const { EMAIL } = env;
  if (EMAIL !== undefined) {
    return {
      send: async (mail) => {
        await EMAIL.send({ from: { email: from, name: BRAND.name }, ...mail });
      },
    };
  }
  // Only a local run issues tokens to anybody; its terminal is the person's own.
  if (config.devTokens === null) return null;
  return {
    send: ({ to, text }) => {
      console.log(`Mail to ${to}:\n${text}`);
      return Promise.resolve();
    },
  };
}
