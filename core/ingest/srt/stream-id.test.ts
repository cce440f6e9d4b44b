import { expect, test } from "vitest";
import { SRT_REJECT } from "./reject-reasons.ts";
import { parseStreamId } from "./stream-id.ts";

test("the access-control syntax and the plain form name stream and key", () => {
  const named = { ok: true, stream: "demo", keyId: "k100000000" };
  expect(parseStreamId("#!::r=demo,u=k100000000,m=publish")).toEqual(named);
  expect(parseStreamId("#!::u=k100000000,h=example.com,x=,r=demo")).toEqual(named);
  expect(parseStreamId("#!::m=publish,t=stream,u=k100000000,r=demo")).toEqual(named);
  expect(parseStreamId("demo/k100000000")).toEqual(named);
  expect(parseStreamId("%23!%3A%3Ar%3Ddemo%2Cu%3Dk100000000%2Cm%3Dpublish")).toEqual(named);
});

test("other stream ids are refused with a reason", () => {
  const reasons: readonly (readonly [string, number])[] = [
    ["", SRT_REJECT.badRequest],
    ["#!", SRT_REJECT.badRequest],
    ["demo/k100000000%", SRT_REJECT.badRequest],
    ["#!:{r=demo,u=k100000000}", SRT_REJECT.badRequest],
    ["#!::r=demo,r=demo,u=k100000000", SRT_REJECT.badRequest],
    ["#!::r=demo,,u=k100000000", SRT_REJECT.badRequest],
    ["#!::u=k100000000", SRT_REJECT.badRequest],
    ["demo/k100000000/more", SRT_REJECT.badRequest],
    ["#!::r=demo,u=k100000000,m=request", SRT_REJECT.badMode],
    ["#!::r=demo,u=k100000000,t=file", SRT_REJECT.badMode],
    ["#!::r=../demo,u=k100000000", SRT_REJECT.notFound],
    ["Demo/k100000000", SRT_REJECT.notFound],
    ["demo", SRT_REJECT.forbidden],
    ["#!::r=demo", SRT_REJECT.forbidden],
    ["demo/k_1", SRT_REJECT.forbidden],
    ["demo/k1000000000", SRT_REJECT.forbidden],
  ];
  for (const [text, reason] of reasons) expect(parseStreamId(text), text).toEqual({ ok: false, reason });
});
