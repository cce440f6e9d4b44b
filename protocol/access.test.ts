import { expect, test } from "vitest";
import {
  ACCESS_LIMITS,
  type Access,
  type Bearer,
  EVERY_VERSION,
  OPEN_ACCESS,
  type Playback,
  refusalOf,
  withPlayback,
  withRevocation,
} from "./access.ts";

const NOW = 1_800_000_000_000;
const nobody: Bearer = { subject: null, roles: [], followerSinceMs: null, expiresMs: null };
const ann: Bearer = { subject: "ann", roles: [], followerSinceMs: null, expiresMs: NOW + 60_000 };
const play = (playback: Playback): Access => withPlayback(OPEN_ACCESS, playback);

function revoke(
  access: Access,
  subject: string,
  version: number,
  nowMs = NOW,
  by: "issuer" | "ban" = "issuer",
): Access {
  const next = withRevocation(access, { subject, version, by }, nowMs);
  if (next === null) throw new Error("full");
  return next;
}

test("everybody watches what is public, and only bearers of a token what asks for one", () => {
  expect(refusalOf(play("public"), nobody, NOW)).toBeNull();
  expect(refusalOf(play("token"), nobody, NOW)).toBe("token-missing");
  expect(refusalOf(play("followers"), nobody, NOW)).toBe("token-missing");
  expect(refusalOf(play("token"), ann, NOW)).toBeNull();
});

test("followers are those who follow already, hosts, moderators and subscribers", () => {
  const refusal = (over: Partial<Bearer>): unknown => refusalOf(play("followers"), { ...ann, ...over }, NOW);
  expect(refusal({})).toBe("followers-only");
  expect(refusal({ followerSinceMs: NOW - 1 })).toBeNull();
  expect(refusal({ followerSinceMs: NOW + 60_000 })).toBe("followers-only");
  expect(refusal({ roles: ["verified"] })).toBe("followers-only");
  for (const role of ["host", "moderator", "subscriber"] as const) expect(refusal({ roles: [role] })).toBeNull();
});

test("a token opens nothing after its end, give or take the tolerance", () => {
  const { toleranceMs } = ACCESS_LIMITS;
  expect(refusalOf(play("token"), { ...ann, expiresMs: NOW - toleranceMs }, NOW)).toBeNull();
  expect(refusalOf(play("token"), { ...ann, expiresMs: NOW - toleranceMs - 1 }, NOW)).toBe("token-expired");
});

test("a revocation is of the versions below its own, of its subject only, on public streams too", () => {
  const access = revoke(OPEN_ACCESS, "ann", 2);
  expect(refusalOf(access, ann, NOW)).toBe("token-revoked");
  expect(refusalOf(access, { ...ann, tokenVersion: 1 }, NOW)).toBe("token-revoked");
  expect(refusalOf(access, { ...ann, tokenVersion: 2 }, NOW)).toBeNull();
  expect(refusalOf(access, { ...ann, subject: "bob" }, NOW)).toBeNull();
  expect(refusalOf(access, { ...ann, subject: "constructor" }, NOW)).toBeNull();
  expect(refusalOf(revoke(access, "ann", EVERY_VERSION), { ...ann, tokenVersion: 9e15 }, NOW)).toBe("token-revoked");
  expect(refusalOf(revoke(access, "ann", 0), ann, NOW)).toBeNull();
  expect(refusalOf(revoke(access, "ann", 1), { ...ann, tokenVersion: 1 }, NOW)).toBe("token-revoked");
});

test("the end of a ban doesn't take back what the issuer revoked", () => {
  const both = revoke(revoke(OPEN_ACCESS, "ann", 2), "ann", EVERY_VERSION, NOW, "ban");
  expect(refusalOf(both, { ...ann, tokenVersion: 2 }, NOW)).toBe("token-revoked");
  const unbanned = revoke(both, "ann", 0, NOW, "ban");
  expect(refusalOf(unbanned, { ...ann, tokenVersion: 2 }, NOW)).toBeNull();
  expect(refusalOf(unbanned, { ...ann, tokenVersion: 1 }, NOW)).toBe("token-revoked");
});

test("revocations are bounded, and dropped when no token can be concerned by them any more", () => {
  let access = OPEN_ACCESS;
  for (let i = 0; i < ACCESS_LIMITS.revocations; i += 1) access = revoke(access, `viewer${i}`, 1);
  expect(access.revision).toBe(ACCESS_LIMITS.revocations);
  expect(withRevocation(access, { subject: "one-more", version: 1, by: "issuer" }, NOW)).toBeNull();
  expect(revoke(access, "viewer7", 3).revocations).toHaveLength(ACCESS_LIMITS.revocations);
  const later = NOW + ACCESS_LIMITS.tokenLifeMs + 60_000;
  expect(revoke(access, "one-more", 1, later).revocations.map(({ subject }) => subject)).toEqual(["one-more"]);
});
