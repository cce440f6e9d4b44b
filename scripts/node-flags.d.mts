/** Flags of Node, beside those that run TypeScript, for a program, whose path is from the project's root. */
export function listNodeFlags(program: string): readonly string[];
