import { expect, test } from "vitest";
import { elementCode, embedAddress, iframeCode } from "./embed-code.ts";

const ORIGIN = "https://live.example";

test("the address says how the player begins only where it differs from playing with sound", () => {
  expect(embedAddress(ORIGIN, "show", { autoplay: true, muted: false })).toBe("https://live.example/embed/show");
  expect(embedAddress(ORIGIN, "show", { autoplay: false, muted: true })).toBe(
    "https://live.example/embed/show?autoplay=0&muted=1",
  );
});

test("a hostile title stays in its attribute", () => {
  const code = iframeCode(ORIGIN, "show", `"><script>x</script>&quot;`);
  expect(code.match(/[<>]/g)).toHaveLength(4);
  expect(code).toContain(`title="&quot;&gt;&lt;script`);
});

test("a frame of a size has it as attributes", () => {
  expect(iframeCode(ORIGIN, "show", "Show", { width: 640, height: 360 })).toContain(
    ' width="640" height="360" style="border:0" ',
  );
});

test("both codes name the stream's player at its edge", () => {
  expect(iframeCode(ORIGIN, "show", "Show")).toContain(' src="https://live.example/embed/show?autoplay=0" ');
  expect(elementCode(ORIGIN, "show")).toContain(
    '"https://live.example/player.js"></script>\n<corral-player stream="show"',
  );
});
