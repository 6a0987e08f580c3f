import type { Construct } from 'constructs';
import { formatIssue, type Issue } from '../../../lib/model';
import { Annotations } from '../../../lib/terraform';
import { Trace } from './trace';

interface ReporterOptions {
  /** Field names of a resource, dotted, as the props of the construct around it spell them. */
  fields?: Readonly<Record<string, string>>;
  /** Takes over an issue that belongs to a part of the construct, such as one real server. */
  route?: (issue: Issue) => boolean;
}

/** Tells what is wrong with one construct: annotations with the user's line, each message once. */
export class Reporter {
  private readonly trace = Trace.here();
  private readonly told = new Set<string>();

  constructor(
    readonly construct: Construct,
    private readonly options: ReporterOptions = {},
  ) {}

  get failed(): boolean {
    return this.told.size > 0;
  }

  error(issue: Issue): void {
    if (this.options.route?.(issue) === true) return;
    const text = this.format(issue);
    if (this.told.has(text)) return;
    this.told.add(text);
    Annotations.of(this.construct).addError(text);
  }

  errors(issues: readonly Issue[]): void {
    for (const issue of issues) this.error(issue);
  }

  warning(message: string): void {
    const known = this.construct.node.metadata.some((entry) => entry.data === this.format({ path: [], message }));
    if (!known) Annotations.of(this.construct).addWarning(this.format({ path: [], message }));
  }

  private format({ path, ...issue }: Issue): string {
    const at = this.trace.line;
    const text = formatIssue({
      where: '',
      field: this.rename(path.join('.')),
      ...issue,
      ...(at === undefined ? {} : { at }),
    });
    return text.replace('[] ', '');
  }

  private rename(field: string): string {
    const fields = this.options.fields ?? {};
    const name = Object.keys(fields).find((known) => field === known || field.startsWith(`${known}.`));
    return name === undefined ? field : `${fields[name] ?? name}${field.slice(name.length)}`;
  }
}
