/** Who may show a stream's player in a frame: the header of its page, by the stream's list and its playback policy. */
import { expect, test } from "vitest";
import { testEdge } from "../testing.ts";

const admin = { authorization: `Bearer ${testEdge.adminToken}` };
const put = (path: string, body: object): Promise<Response> =>
  testEdge.ask(`/api/streams/${path}`, { method: "PUT", body: JSON.stringify(body), headers: admin });

async function readEmbed(stream: string): Promise<{ ancestors: string; origins: string; html: string }> {
  const answer = await testEdge.ask(`/embed/${stream}`);
  expect(answer.status).toBe(200);
  const html = await answer.text();
  return {
    ancestors: /frame-ancestors ([^;,]*)$/.exec(answer.headers.get("content-security-policy") ?? "")?.[1] ?? "",
    origins: /<meta name="corral-embed" content="([^"]*)"/.exec(html)?.[1] ?? "none",
    html,
  };
}

test("everybody may embed a public stream, until its host lists who may", async () => {
  expect((await put("embed-1/details", { title: "One" })).status).toBe(200);
  expect(await readEmbed("embed-1")).toMatchObject({ ancestors: "*", origins: "*" });
  const embedOrigins = ["https://Blog.example/", "http://localhost:8080"];
  const saved = await put("embed-1/details", { title: "One", embedOrigins });
  expect(await saved.json()).toMatchObject({ embedOrigins: ["https://blog.example", "http://localhost:8080"] });
  expect(await readEmbed("embed-1")).toMatchObject({
    ancestors: "'self' https://blog.example http://localhost:8080",
    origins: "https://blog.example http://localhost:8080",
  });
  await put("embed-1/details", { embedOrigins: [] });
  expect(await readEmbed("embed-1")).toMatchObject({ ancestors: "'self'", origins: "" });
});

test("nobody may embed a stream that needs a token, until its host lists who may", async () => {
  expect((await put("embed-2/access", { playback: "token" })).status).toBe(200);
  expect(await readEmbed("embed-2")).toMatchObject({ ancestors: "'self'", origins: "" });
  await put("embed-2/details", { embedOrigins: ["https://club.example"] });
  expect((await readEmbed("embed-2")).ancestors).toBe("'self' https://club.example");
});

test("a change of the playback policy is seen by the next page, though the player was shown a moment ago", async () => {
  await put("embed-6/details", { title: "Six" });
  expect(await readEmbed("embed-6")).toMatchObject({ ancestors: "*", origins: "*" });
  expect((await put("embed-6/access", { playback: "token" })).status).toBe(200);
  expect(await readEmbed("embed-6")).toMatchObject({ ancestors: "'self'", origins: "" });
  expect((await put("embed-6/access", { playback: "public" })).status).toBe(200);
  expect((await readEmbed("embed-6")).ancestors).toBe("*");
});

test("a list changes nothing about who may frame the stream's other pages", async () => {
  await put("embed-3/details", { embedOrigins: ["https://blog.example"] });
  for (const page of ["watch", "studio", "golive"]) {
    const { headers } = await testEdge.ask(`/${page}/embed-3`);
    expect(headers.get("content-security-policy"), page).toMatch(/; frame-ancestors 'self'$/);
  }
});

test("what would write another directive, or more origins than one, into the header is refused", async () => {
  for (const origin of [
    ...["*", "https://*.example", "https://a;script-src", "https://a,b", "https://a.example 'unsafe-inline'"],
    ...["https://a.example/x", "null", "data:", "'none'"],
  ]) {
    expect((await put("embed-4/details", { embedOrigins: [origin] })).status, origin).toBe(400);
  }
  const many = Array.from({ length: 21 }, (_, n) => `https://site-${n}.example`);
  expect((await put("embed-4/details", { embedOrigins: many })).status).toBe(400);
});

test("the player's page has the title, is not for search engines, and names the page that is", async () => {
  await put("embed-5/details", { title: `"><script>x</script>` });
  const { html } = await readEmbed("embed-5");
  expect(html).toContain('<title>"&gt;&lt;script&gt;x&lt;/script&gt; · Corral</title>');
  expect(html).toContain('<meta name="robots" content="noindex" />');
  expect(html).toContain('<link rel="canonical" href="http://edge.test/watch/embed-5" />');
  expect(html).not.toContain("og:title");
  const shown = html.replace(/<script>.*?<\/script>/, "").replace(/<title>.*?<\/title>/, "");
  expect(shown.replaceAll(/"[^"]*"/g, "")).not.toContain("<script>x");
});
