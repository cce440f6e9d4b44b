/** One word of a POSIX shell's command line: `text` as it is where no character is special to a shell, else in single quotes. */
export const quoteShellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
