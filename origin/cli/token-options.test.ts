import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { verifyViewerToken } from "../../core/access/viewer-token.ts";
import { describeToken } from "./token-link.ts";
import { parseTokenOptions, renderTokenHelp } from "./token-options.ts";

const SECRET = "a viewer secret of the tests, 32 bytes";

test("a moderator of a local edge for twelve hours is the default but for the role", () => {
  expect(parseTokenOptions(["--role", "moderator", "--stream", "show"])).toEqual({
    ...{ role: "moderator", stream: "show", name: "Moderator", subject: null, expiresS: 43_200 },
    edge: { kind: "local", port: 8787, dataDir: null },
  });
});

test.each([
  [[], /--role is host, moderator, viewer/],
  [["--role", "admin"], /--role is host, moderator, viewer/],
  [["--role", "host", "--stream", "No Stream"], /is not a stream name/],
  [["--role", "host", "--expires", "2d"], /--expires is a time from 1m to 1d/],
  [["--role", "host", "--expires", "0h"], /--expires is a time/],
  [["--role", "host", "--expires", "12"], /--expires is a time/],
  [["--role", "host", "--name", " "], /--name needs a value/],
  [["--role", "host", "--name", "x".repeat(65)], /--name has 1 to 64 characters/],
  [["--role", "host", "--name", "A\u001b[2J"], /--name has no control characters/],
  [["--role", "host", "--subject", "a\nb"], /--subject has no control characters/],
  [["--role", "host", "--subject", "corral-guest:x"], /is a guest's/],
  [["--role", "host", "--subject", "corral-account:x"], /is an account's of the edge's own sign-in/],
  [["--role", "host", "--secret-file", "f"], /--secret-file requires --edge/],
  [["--role", "host", "--edge", "https://e.example", "--data", "d"], /--data is of a local edge/],
  [["--role", "host", "--edge", "ftp://x"], /is not an http\(s\) URL/],
  [["--role", "host", "--rank", "1"], /There is no option --rank/],
])("%j is refused with one sentence", (words, sentence) => {
  expect(() => parseTokenOptions(words)).toThrow(sentence);
});

test.each(["host", "moderator", "viewer"])(
  "the edge takes a %s's token for its stream and time, and as no more",
  async (role) => {
    const nowMs = Date.now();
    const options = parseTokenOptions(["--role", role, "--stream", "show", "--name", "Bo", "--expires", "30m"]);
    const inputs = { secret: SECRET, edgeUrl: "https://e.example", subject: "bo-1", nowMs };
    const [head = "", link = "", token = "", revoke = ""] = await describeToken(options, inputs);
    const keys = { secret: SECRET, keySet: null };
    const bare = token.replace(/^Token: +/, "");
    const claims = await verifyViewerToken(keys, "show", bare);
    expect(claims).toMatchObject({ subject: "bo-1", name: "Bo", roles: role === "viewer" ? [] : [role] });
    expect(claims).toHaveProperty("expiresMs", 1_000 * (Math.floor(nowMs / 1_000) + 1_800));
    expect(await verifyViewerToken(keys, "other", bare)).toBe("token-wrong-room");
    expect(link).toBe(`Link:   https://e.example/${role === "viewer" ? "watch" : "studio"}/show#token=${bare}`);
    expect(head.includes("Anyone with this link")).toBe(role !== "viewer");
    expect(revoke).toContain('{"subject":"bo-1","version":1}');
  },
);

test("a quote in the subject does not leave its word of the line to copy", async () => {
  const options = parseTokenOptions(["--role", "host", "--stream", "show", "--subject", "o'; touch x; '"]);
  const inputs = { secret: SECRET, edgeUrl: "https://e.example", subject: options.subject ?? "", nowMs: Date.now() };
  const revoke = (await describeToken(options, inputs)).at(-1) ?? "";
  const script = revoke.replace("Revoke: curl", "printf '%s\\n'");
  const words = execFileSync("sh", ["-c", script], { encoding: "utf8" }).trim().split("\n");
  expect(JSON.parse(words.at(-1) ?? "")).toEqual({ subject: "o'; touch x; '", version: 1 });
});

test("the help text names each option", () => {
  const help = renderTokenHelp();
  for (const word of ["--role", "--stream", "--expires", "--edge", "--secret-file"]) expect(help).toContain(word);
});
