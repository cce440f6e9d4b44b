/** A stream's details over HTTP: what is set is shown on its page, in previews and pictures, and nothing else is taken. */
import { expect, test } from "vitest";
import { DETAILS_LIMITS } from "../../core/directory/details-limits.ts";
import { testBindings, testEdge } from "../testing.ts";

const admin = { authorization: `Bearer ${testEdge.adminToken}` };
const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);
const JPEG = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 9]);

let streams = 0;
const newStream = (): string => {
  streams += 1;
  return `details-${streams}`;
};

const put = (stream: string, path: string, body: BodyInit | null, method = "PUT"): Promise<Response> =>
  testEdge.ask(`/api/streams/${stream}/${path}`, { method, body, headers: admin });
const setDetails = (stream: string, details: object): Promise<Response> =>
  put(stream, "details", JSON.stringify(details));
const page = async (stream: string): Promise<string> => (await testEdge.ask(`/watch/${stream}`)).text();

test("details are read by everybody as they were set, and shown on the watch page at once", async () => {
  const stream = newStream();
  const details = { title: "Nachtfahrt 🚲", host: "Ann", description: "Durch Köln.", tags: ["rad"], language: "de" };
  expect((await setDetails(stream, details)).status).toBe(200);
  expect(await (await testEdge.ask(`/api/streams/${stream}/details`)).json()).toMatchObject({ stream, ...details });
  const html = await page(stream);
  expect(html).toContain("<title>Nachtfahrt 🚲 · Ann · Corral</title>");
  expect(html).toContain(`<meta property="og:title" content="Nachtfahrt 🚲" />`);
  expect(html).toMatch(/<section id="about"[^>]* data-title="Nachtfahrt 🚲"[^>]*><div class="about-head" lang="de">/);
  expect(html).not.toMatch(/<section id="about"[^>]* hidden/);
  const oembed = await testEdge.ask(`/api/oembed?url=${encodeURIComponent(`http://edge.test/watch/${stream}`)}`);
  expect(await oembed.json()).toMatchObject({ title: "Nachtfahrt 🚲", author_name: "Ann" });
});

test("oEmbed has the player's frame for a stream that every site may embed, and a link for others", async () => {
  const stream = newStream();
  const ask = (more = ""): Promise<Response> =>
    testEdge.ask(`/api/oembed?url=${encodeURIComponent(`http://edge.test/watch/${stream}`)}${more}`);
  await setDetails(stream, { title: "Ride" });
  const open = (await (await ask("&maxwidth=320")).json()) as { html: string };
  expect(open).toMatchObject({ type: "video", width: 320, height: 180 });
  // The address in the frame is that of a page which every site may frame.
  const address = /src="([^"]*)"/.exec(open.html)?.[1] ?? "";
  const framed = await testEdge.ask(address.replace("http://edge.test", ""));
  expect(framed.headers.get("content-security-policy")).toContain("frame-ancestors *");
  expect((await ask("&maxwidth=0")).status).toBe(400);
  expect((await ask("&maxheight=1e9")).status).toBe(400);
  await setDetails(stream, { title: "Ride", embedOrigins: ["https://blog.example"] });
  expect(await (await ask()).json()).toMatchObject({ type: "link", title: "Ride" });
  await setDetails(stream, { title: "Ride" });
  await put(stream, "access", JSON.stringify({ playback: "token" }));
  expect(await (await ask()).json()).toMatchObject({ type: "link" });
  await put(stream, "access", JSON.stringify({ playback: "public" }));
  expect(await (await ask()).json()).toMatchObject({ type: "video" });
  await put(stream, "stop", JSON.stringify({ category: "other", reason: "Rights." }), "POST");
  const stopped = await (await ask()).json();
  expect(stopped).toMatchObject({ type: "link" });
  expect(JSON.stringify(stopped)).not.toContain("Ride");
});

test("a hostile title adds no element and no attribute to the watch page", async () => {
  const stream = newStream();
  // Its quotes would hide what follows from the patterns below.
  const own = /<script>.*?<\/script>/.exec(await page(newStream()))?.[0] ?? "";
  for (const title of [
    `</title><script>x</script>`,
    `"><script>x</script>`,
    `' onclick='x`,
    "</section><b>",
    "<!-- ",
  ]) {
    expect((await setDetails(stream, { title, host: title, description: title })).status).toBe(200);
    const html = (await page(stream)).replace(own, "<script></script>").replaceAll(/"[^"]*"/g, '""');
    expect(html.match(/<script/g), title).toHaveLength(2);
    expect(html.match(/<section/g), title).toHaveLength(2);
    expect(html, title).not.toContain("<b>");
    expect(html, title).not.toMatch(/<[^>]*"[^"]*"[^>"]* onclick/);
  }
});

test("the page tells a name that nobody has from a stream without a broadcast, and from an announced one", async () => {
  expect(await page("nobody-has-this")).toMatch(/<section id="about"[^>]* data-unknown=""/);
  const stream = newStream();
  await setDetails(stream, { title: "Soon", schedule: [{ startsAt: "2099-01-01T10:00:00Z" }] });
  const announced = await page(stream);
  expect(announced).toContain(`data-starts-at="2099-01-01T10:00:00.000Z"`);
  expect(announced).not.toContain("data-unknown");
});

test("a filled page is not told by the file's validators", async () => {
  const first = await testEdge.ask("/watch/nobody-has-this");
  await first.arrayBuffer();
  expect(first.headers.get("etag")).toBeNull();
  expect(first.headers.get("cache-control")).toBe("no-cache");
  const since = new Date(Date.now() + 86_400_000).toUTCString();
  const again = await testEdge.ask("/watch/nobody-has-this", { headers: { "if-modified-since": since } });
  expect([again.status, (await again.text()).includes("</html>")]).toEqual([200, true]);
});

test("what does not fit is refused with its field, and changes nothing", async () => {
  const stream = newStream();
  await setDetails(stream, { title: "Kept" });
  for (const bad of [{ title: "a\u202eb" }, { links: [{ label: "x", url: "javascript:alert(1)" }] }, { nope: 1 }]) {
    const answer = await setDetails(stream, bad);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("invalid-body")]);
  }
  const huge = await setDetails(stream, { description: "x".repeat(DETAILS_LIMITS.bodyBytes) });
  expect(huge.status).toBe(413);
  expect(await (await testEdge.ask(`/api/streams/${stream}/details`)).json()).toMatchObject({ title: "Kept" });
});

test("an uploaded image is what it is by its first bytes; a new one replaces it in the bucket", async () => {
  const stream = newStream();
  const { poster } = await (await put(stream, "images/poster", PNG)).json<{ poster: { path: string } }>();
  const shown = await testEdge.ask(poster.path);
  expect([shown.status, shown.headers.get("content-type")]).toEqual([200, "image/png"]);
  expect(shown.headers.get("content-security-policy")).toContain("sandbox");
  expect(shown.headers.get("x-content-type-options")).toBe("nosniff");
  expect(new Uint8Array(await shown.arrayBuffer())).toEqual(PNG);
  await put(stream, "images/poster", JPEG);
  const stored = await testBindings.MEDIA.list({ prefix: `${stream}/` });
  expect(stored.objects).toHaveLength(1);
  const latest = await testEdge.ask(`/api/streams/${stream}/images/poster`);
  expect([latest.headers.get("content-type"), (await latest.arrayBuffer()).byteLength]).toEqual(["image/jpeg", 5]);
  expect((await put(stream, "images/poster", null, "DELETE")).status).toBe(200);
  expect((await testBindings.MEDIA.list({ prefix: `${stream}/` })).objects).toHaveLength(0);
});

test("an image that is opened again is not read from the bucket again, and an upload is shown at once", async () => {
  const stream = newStream();
  const { poster } = await (await put(stream, "images/poster", PNG)).json<{ poster: { path: string } }>();
  const read = async (): Promise<number> => (await (await testEdge.ask(poster.path)).arrayBuffer()).byteLength;
  expect(await read()).toBe(PNG.byteLength);
  const [stored] = (await testBindings.MEDIA.list({ prefix: `${stream}/` })).objects;
  await testBindings.MEDIA.delete(stored?.key ?? "");
  expect(await read()).toBe(PNG.byteLength);
  await put(stream, "images/poster", JPEG);
  expect(await read()).toBe(JPEG.byteLength);
});

test("an image that is missing in the bucket is shown as soon as it is there: another data centre may have stored it again", async () => {
  const stream = newStream();
  const { poster } = await (await put(stream, "images/poster", PNG)).json<{ poster: { path: string } }>();
  const typeOf = async (): Promise<string | null> => (await testEdge.ask(poster.path)).headers.get("content-type");
  const [stored] = (await testBindings.MEDIA.list({ prefix: `${stream}/` })).objects;
  const key = stored?.key ?? "";
  await testBindings.MEDIA.delete(key);
  expect(await typeOf()).toBe("image/svg+xml");
  await testBindings.MEDIA.put(key, PNG);
  expect(await typeOf()).toBe("image/png");
});

test("documents, scripts, empty and large bodies are no images", async () => {
  const stream = newStream();
  const svg = `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`;
  for (const body of ["<html>", svg, "GIF89a", "", "RIFF1234WAVE"]) {
    expect((await put(stream, "images/poster", body)).status, body).toBe(415);
  }
  const large = new Uint8Array(DETAILS_LIMITS.imageBytes + 1);
  large.set(PNG);
  expect((await put(stream, "images/avatar", large)).status).toBe(413);
  expect((await put(stream, "images/banner", PNG)).status).toBe(404);
  expect((await testBindings.MEDIA.list({ prefix: `${stream}/` })).objects).toHaveLength(0);
});

test("a stream without an uploaded image has a generated one", async () => {
  const stream = newStream();
  await setDetails(stream, { title: "<Night> ride" });
  for (const image of ["poster", "avatar"]) {
    const answer = await testEdge.ask(`/api/streams/${stream}/images/${image}`);
    expect(answer.headers.get("content-type")).toBe("image/svg+xml");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await answer.text()).toMatch(image === "poster" ? /&lt;Night&gt; ride/ : /&lt;/);
  }
});

test("of a stopped stream nobody is shown what its host wrote or uploaded", async () => {
  const stream = newStream();
  await setDetails(stream, { title: "Unlawful words" });
  await put(stream, "images/poster", PNG);
  // The isolate has shown it a moment ago.
  expect(await page(stream)).toContain("Unlawful");
  const stop = JSON.stringify({ category: "legal", reason: "A court said so." });
  expect((await put(stream, "stop", stop, "POST")).status).toBe(200);
  expect(await page(stream)).not.toContain("Unlawful");
  await put(stream, "details", JSON.stringify({ title: "Unlawful words" }));
  expect((await testEdge.ask(`/api/streams/${stream}/details`)).status).toBe(451);
  expect(await page(stream)).not.toContain("Unlawful");
  const image = await testEdge.ask(`/api/streams/${stream}/images/poster`);
  expect([image.headers.get("content-type"), await image.text()]).toEqual([
    "image/svg+xml",
    expect.not.stringContaining("Unlawful"),
  ]);
});
