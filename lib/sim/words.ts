/** Splits a command line into words as a POSIX shell does, without expanding anything. */

/** What makes a line more than one simple command. */
const SHELL_CHARACTERS = /[;&|<>()$`\n]/;

/** @returns undefined when the line needs a shell: operators, expansions, an open quote. */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let rest = line;
  while (rest !== '') {
    const [piece = '', single, double, escaped, blank] =
      /^(?:'([^']*)'|"((?:[^"\\$`]|\\[^])*)"|\\([^])|([ \t]+)|[^\s'"\\])/.exec(rest) ?? [];
    if (piece === '') return undefined;
    rest = rest.slice(piece.length);
    if (blank !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (single !== undefined || double !== undefined || escaped !== undefined) {
      word = (word ?? '') + (single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '');
    } else {
      if (SHELL_CHARACTERS.test(piece)) return undefined;
      word = (word ?? '') + piece;
    }
  }
  return word === undefined ? words : [...words, word];
}
