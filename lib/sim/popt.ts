/**
 * Option parsing as popt 1.19 does it for ipvsadm: short options may be joined (`-Ln`, `-p60`, `-t=V:80`), long ones
 * take `--name value` or `--name=value` and are never abbreviated, plain words are collected wherever they stand.
 */
export interface Option {
  name: string;
  short?: string;
  /** `none` takes no value; `optional` takes the next word unless it starts with a dash. */
  value: 'none' | 'required' | 'optional';
}

export type OptionEvent =
  | { option: string; value: string | undefined; word: string }
  /** What stopped the parsing, in popt's words, and the word it was found in. */
  | { error: string; word: string };

/** Walks argv (without the program's name) option by option; plain words end up in `leftovers`. */
export function* readOptions(
  table: readonly Option[],
  words: readonly string[],
  leftovers: string[],
): Generator<OptionEvent, void> {
  let next = 0;
  const takeValue = (option: Option, joined: string | undefined, word: string): OptionEvent => {
    if (option.value === 'none')
      return joined === undefined
        ? { option: option.name, value: undefined, word }
        : { error: 'option does not take an argument', word };
    if (joined !== undefined) return { option: option.name, value: joined, word };
    const following = words[next];
    if (option.value === 'optional' && (following === undefined || following.startsWith('-')))
      return { option: option.name, value: undefined, word };
    if (following === undefined) return { error: 'missing argument', word };
    next += 1;
    // popt names the last word it took, the value included.
    return { option: option.name, value: following, word: following };
  };
  while (next < words.length) {
    const word = words[next++] ?? '';
    if (word === '--') {
      leftovers.push(...words.slice(next));
      return;
    }
    if (word.startsWith('--')) {
      const [, name, joined] = /^--([^=]*)(?:=([^]*))?$/.exec(word) ?? [];
      const option = table.find((entry) => entry.name === name);
      yield option === undefined ? { error: 'unknown option', word } : takeValue(option, joined, word);
    } else if (word.startsWith('-') && word !== '-') {
      let rest = word.slice(1);
      while (rest !== '') {
        const option = table.find((entry) => entry.short === rest[0]);
        rest = rest.slice(1);
        if (option === undefined) {
          yield { error: 'unknown option', word };
          return;
        }
        if (option.value === 'none' && !rest.startsWith('=')) {
          yield takeValue(option, undefined, word);
        } else {
          yield takeValue(option, rest === '' ? undefined : rest.replace(/^=/, ''), word);
          rest = '';
        }
      }
    } else {
      leftovers.push(word);
    }
  }
}
