/**
 * Accounts of the edge's own sign-in. Their subjects have prefixes that only tokens of this sign-in may have: a site that signs
 * tokens for names of its users' choice cannot be made to sign one for such an account.
 */
import { isGuestSubject } from "./guest.ts";

/** `iss` of tokens of the edge's own sign-in, and of no others. */
export const ACCOUNT_ISSUER = "corral-sign-in";

/** The streams that an account opens: those for everybody, or those with the policy `token` as well. */
export type AccountReach = "public" | "token";

const SUBJECT_PREFIXES: Readonly<Record<AccountReach, string>> = {
  public: "corral-account:",
  token: "corral-member:",
};

/** The subject of an account; `id` is its name at the edge. */
export const accountSubject = (reach: AccountReach, id: string): string => `${SUBJECT_PREFIXES[reach]}${id}`;

/** Whether a subject is an account of the edge's own sign-in. */
export const isAccountSubject = (subject: string): boolean =>
  Object.values(SUBJECT_PREFIXES).some((prefix) => subject.startsWith(prefix));

/** Whether a subject by itself opens public streams only. */
export const isPublicOnly = (subject: string): boolean =>
  isGuestSubject(subject) || subject.startsWith(SUBJECT_PREFIXES.public);

/** Whether a person has chosen the name of this subject: no site vouches for it. */
export const hasChosenName = (subject: string): boolean => isGuestSubject(subject) || isAccountSubject(subject);
