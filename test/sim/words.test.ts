import { splitWords } from '../../lib/sim/words';

test.each([
  ['ipvsadm -Ln', ['ipvsadm', '-Ln']],
  ['  a  \'b c\'\td"e f"g ', ['a', 'b c', 'de fg']],
  ["'it'\\''s' \"\" ''", ["it's", '', '']],
  ['"a \\" \\\\ \\n"', ['a " \\ \\n']],
  ['a\\ b', ['a b']],
  ["'$HOME;'", ['$HOME;']],
  ['', []],
])('%j', (line, words) => {
  expect(splitWords(line)).toEqual(words);
});

test.each(["'open", '"open', 'a; b', 'a | b', 'a && b', 'a > b', '$HOME', '"$HOME"', '`a`', '(a)', 'a\nb', 'a\\'])(
  '%j needs a shell',
  (line) => {
    expect(splitWords(line)).toBeUndefined();
  },
);
