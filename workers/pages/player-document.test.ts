/** The watch page's document: its inline script, and what it knows of a stream that this isolate has no feed of. */
import { expect, test } from "vitest";
import { testEdge } from "../testing.ts";

const HASHED = /script-src 'self' 'sha256-([A-Za-z0-9+/=]+)';/;

test("the page's policy permits its one inline script by its hash, and other pages none", async () => {
  const answer = await testEdge.ask("/watch/document-1");
  const scripts = [...(await answer.text()).matchAll(/<script>(.*?)<\/script>/gs)].map(([, text]) => text ?? "");
  expect(scripts).toHaveLength(1);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(scripts[0])));
  const hash = btoa(String.fromCharCode(...digest));
  expect(HASHED.exec(answer.headers.get("content-security-policy") ?? "")?.[1]).toBe(hash);
  const landing = await testEdge.ask("/");
  expect(landing.headers.get("content-security-policy")).toContain("script-src 'self';");
});

test("without a feed the document has no status, and the browser asks for it while the script loads", async () => {
  const answer = await testEdge.ask("/watch/document-2");
  expect(await answer.text()).not.toContain('<meta name="corral-status"');
  expect(answer.headers.get("link")).toBe("</api/streams/document-2>; rel=preload; as=fetch; crossorigin");
});
