/** The scale of attacks: reduced in `npm test`, full in `npm run attack`. */

/** Whether attacks run at full scale. workerd's environment is its bindings; vitest.config.ts passes it on. */
export const whole: boolean = process.env["CORRAL_ATTACK"] === "whole";

/** A measurement of a full-scale attack, for the table of `npm run attack`. */
export function figure(name: string, value: string | number, goal: string | number = ""): void {
  if (whole) console.log(`figure: ${name} | ${value} | ${goal}`);
}
