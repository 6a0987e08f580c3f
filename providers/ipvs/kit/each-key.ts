/** `each.key` without `for_each`: a director's name in its place, in whatever expression Terraform evaluates. */

/** `a-${each.key}` to `a-lb1`; in a longer expression as a string. A text that is no whole template stays as it is. */
export function withDirector(text: string, director: string): string {
  return new Template(text, director).replaced() ?? text;
}

const EACH = /each\.(?:key|value)(?![\w-])/y;
const ALONE = /^\s*each\.(?:key|value)\s*$/;

/** Knows of Terraform's language as much as it takes to tell text from expressions: braces, quotes and what escapes them. */
class Template {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly director: string,
  ) {}

  replaced(): string | undefined {
    return this.literal(false);
  }

  /** Up to the end, or to the quote that closes it; undefined when something is not closed. */
  private literal(quoted: boolean): string | undefined {
    let done = '';
    while (this.at < this.text.length) {
      if (quoted && this.text[this.at] === '"') return done;
      if (this.follows('$${') || this.follows('%%{')) done += this.take(3);
      else if (quoted && this.follows('\\')) done += this.take(2);
      else if (this.follows('${') || this.follows('%{')) {
        const opening = this.take(2);
        const begin = this.at;
        const expression = this.expression();
        if (expression === undefined) return undefined;
        const isName = opening === '${' && ALONE.test(this.text.slice(begin, this.at));
        done += isName ? this.director : `${opening}${expression}}`;
        this.at += 1;
      } else done += this.take(1);
    }
    return quoted ? undefined : done;
  }

  /** Up to the brace that closes it; undefined when none does. */
  private expression(): string | undefined {
    let [done, depth] = ['', 0];
    while (this.at < this.text.length) {
      if (depth === 0 && this.follows('}')) return done;
      if (this.follows('{')) depth += 1;
      if (this.follows('}')) depth -= 1;
      if (this.follows('"')) {
        done += this.take(1);
        const inner = this.literal(true);
        if (inner === undefined) return undefined;
        done += inner + this.take(1);
        continue;
      }
      EACH.lastIndex = this.at;
      const name = /[\w.-]/.test(this.text[this.at - 1] ?? '') ? undefined : EACH.exec(this.text)?.[0];
      if (name === undefined) done += this.take(1);
      else {
        this.at += name.length;
        done += JSON.stringify(this.director);
      }
    }
    return undefined;
  }

  private follows(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  private take(count: number): string {
    this.at += count;
    return this.text.slice(this.at - count, this.at);
  }
}
