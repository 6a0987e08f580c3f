/**
 * The part of Terraform's expression language that can be evaluated without Terraform: literals, lists, objects,
 * `toset([…])` and references. Everything else is refused by name, never guessed.
 */

export type Expression =
  | { kind: 'literal'; value: string | number | boolean | null }
  | { kind: 'list'; items: Expression[] }
  | { kind: 'set'; items: Expression[] }
  | { kind: 'object'; entries: [Expression, Expression][] }
  | { kind: 'reference'; root: string; steps: Expression[] };

/** An expression this engine does not evaluate, and why. */
export class Unresolvable extends Error {}

/** `a-${b}` to `['a-', b]`. @throws Unresolvable */
export function parseTemplate(text: string): (string | Expression)[] {
  const parts: (string | Expression)[] = [];
  let literal = '';
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    if (rest.startsWith('$${') || rest.startsWith('%%{')) {
      literal += rest.slice(1, 3);
      at += 3;
    } else if (rest.startsWith('%{')) {
      throw new Unresolvable(
        'template directives (%{ … }) are not evaluated; the characters themselves are written %%{',
      );
    } else if (rest.startsWith('${')) {
      if (literal !== '') parts.push(literal);
      literal = '';
      const parser = new Parser(text, at + 2);
      parts.push(parser.interpolation());
      at = parser.end;
    } else {
      literal += rest[0] ?? '';
      at += 1;
    }
  }
  if (literal !== '') parts.push(literal);
  return parts;
}

/** Functions that need nothing but their arguments and that cdktf itself writes. */
const FUNCTIONS = new Set(['toset']);
const CONSTANTS = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_-]*/y;
const NUMBER = /\d+(?:\.\d+)?/y;
const BLANK = /\s*/y;

class Parser {
  constructor(
    private readonly text: string,
    private at: number,
  ) {}

  /** Position after what was parsed. */
  get end(): number {
    return this.at;
  }

  interpolation(): Expression {
    const expression = this.expression();
    if (this.next() !== '}') {
      const rest = this.text.slice(this.at).split('}')[0]?.trim() ?? '';
      throw new Unresolvable(rest === '' ? `'${this.text}' is not closed` : `operators are not evaluated: '${rest}'`);
    }
    this.at += 1;
    return expression;
  }

  private expression(): Expression {
    const next = this.next();
    if (next === '"') return { kind: 'literal', value: this.quoted() };
    if (next === '[') return { kind: 'list', items: this.items('[', ']') };
    if (next === '{') return this.object();
    const number = this.match(NUMBER);
    if (number !== undefined) return { kind: 'literal', value: Number(number) };
    const name = this.match(IDENTIFIER);
    if (name === undefined)
      throw new Unresolvable(`operators are not evaluated: '${this.text.slice(this.at).split('}')[0] ?? ''}'`);
    const constant = CONSTANTS.get(name);
    if (constant !== undefined) return { kind: 'literal', value: constant };
    return this.next() === '(' ? this.call(name) : { kind: 'reference', root: name, steps: this.steps() };
  }

  private call(name: string): Expression {
    if (!FUNCTIONS.has(name)) throw new Unresolvable(`function ${name} is not evaluated`);
    const [list, ...more] = this.items('(', ')');
    if (list?.kind !== 'list' || more.length > 0) throw new Unresolvable('toset is only evaluated for a literal list');
    return { kind: 'set', items: list.items };
  }

  private steps(): Expression[] {
    const steps: Expression[] = [];
    for (;;) {
      const next = this.text[this.at];
      if (next === '.') {
        this.at += 1;
        const name = this.match(IDENTIFIER) ?? this.match(NUMBER);
        if (name === undefined) throw new Unresolvable('splat expressions are not evaluated');
        steps.push({ kind: 'literal', value: name });
      } else if (next === '[') {
        const [index, ...more] = this.items('[', ']');
        if (index === undefined || more.length > 0) throw new Unresolvable('splat expressions are not evaluated');
        steps.push(index);
      } else {
        return steps;
      }
    }
  }

  private items(open: string, close: string): Expression[] {
    this.expect(open);
    const items: Expression[] = [];
    while (this.next() !== close) {
      if (this.text[this.at] === '*') throw new Unresolvable('splat expressions are not evaluated');
      if (this.match(/for\b/y) !== undefined) throw new Unresolvable('for expressions are not evaluated');
      items.push(this.expression());
      if (this.next() !== close) this.expect(',');
    }
    this.expect(close);
    return items;
  }

  private object(): Expression {
    this.expect('{');
    const entries: [Expression, Expression][] = [];
    while (this.next() !== '}') {
      if (this.match(/for\b/y) !== undefined) throw new Unresolvable('for expressions are not evaluated');
      const name = this.match(IDENTIFIER);
      const key: Expression = name === undefined ? this.expression() : { kind: 'literal', value: name };
      this.expect(this.next() === ':' ? ':' : '=');
      entries.push([key, this.expression()]);
      if (this.next() === ',') this.at += 1;
    }
    this.expect('}');
    return { kind: 'object', entries };
  }

  private quoted(): string {
    const end = /"((?:[^"\\]|\\.)*)"/y;
    const text = this.match(end);
    if (text === undefined) throw new Unresolvable(`a string in '${this.text}' is not closed`);
    if (text.includes('${') || text.includes('%{'))
      throw new Unresolvable('templates inside of expressions are not evaluated');
    try {
      return String(JSON.parse(text));
    } catch {
      throw new Unresolvable(`the string ${text} has an escape that is not understood`);
    }
  }

  private expect(character: string): void {
    if (this.next() !== character) {
      const rest = this.text.slice(this.at).split('}')[0]?.trim() ?? '';
      throw new Unresolvable(`expected '${character}' at '${rest}'`);
    }
    this.at += 1;
  }

  /** The next character that is not blank. */
  private next(): string | undefined {
    this.match(BLANK);
    return this.text[this.at];
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const text = pattern.exec(this.text)?.[0];
    if (text !== undefined) this.at += text.length;
    return text;
  }
}
