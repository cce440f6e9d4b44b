/** How much of an attack is tried: in `npm test` as much as shows the fault, by `npm run attack` the whole. */

/** Whether attacks are to be tried whole. workerd's environment is its bindings; vitest.config.ts hands it on. */
export const whole: boolean = process.env["CORRAL_ATTACK"] === "whole";

/** What an attack that is tried whole measured, for the table that `npm run attack` ends with. */
export function figure(name: string, value: string | number, goal: string | number = ""): void {
  if (whole) console.log(`figure: ${name} | ${value} | ${goal}`);
}
