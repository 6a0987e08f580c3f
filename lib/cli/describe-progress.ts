/** What happens in a run, in words. */
import type { ApplyEvent } from '../apply';
import type { ApplyReport, FleetEvent } from '../pipeline';
import { count } from '../report';

/** Who shows what happens. */
export interface View {
  fleet(event: FleetEvent): void;
  director(name: string, event: ApplyEvent): void;
  report(report: ApplyReport): void;
  /** A line that is no event. */
  say(line: string): void;
  end(): void;
}

/** So many names are listed; of more, their number tells more. */
const LISTED = 8;

export function describeFleet(event: FleetEvent): string | undefined {
  switch (event.kind) {
    case 'wave': {
      const { directors } = event;
      const who = directors.length > LISTED ? count(directors.length, 'director') : directors.join(', ');
      return `wave ${event.number} of ${event.waves} (${event.fleet}): ${who}`;
    }
    case 'begun':
      return event.verb === 'take-back' ? `${event.director}: taking it back` : undefined;
    case 'pause':
      return `${event.fleet}: waiting ${event.seconds} s`;
    case 'counting':
      return `${event.fleet}: counting connections for ${event.seconds} s ${event.when} wave ${event.number}`;
    case 'checked': {
      if (event.error !== undefined) return undefined;
      const { unjudged = [] } = event;
      const who = unjudged.length > LISTED ? count(unjudged.length, 'director') : unjudged.join(', ');
      return `${event.fleet}: the check after wave ${event.number} holds${unjudged.length > 0 ? `; too few connections to judge ${who}` : ''}`;
    }
    case 'stopped':
      return event.fleet === undefined ? undefined : `${event.fleet}: stopped, ${REASONS[event.reason]}`;
  }
}

const REASONS: Readonly<Record<(FleetEvent & { kind: 'stopped' })['reason'], string>> = {
  failures: 'more directors failed than its maxFailures',
  floor: 'with one more director in change there would be fewer serving than its minServing',
  check: 'the check after the wave failed',
  interrupted: 'it was interrupted',
  gate: 'a gate failed',
};

export function describeReport({ director, outcome, steps, failedAt }: ApplyReport): string {
  if (outcome === 'skipped') return `${director}: skipped, as it was`;
  const where = outcome === 'failed' && failedAt !== undefined ? ` at step ${failedAt}` : '';
  return `${director}: ${outcome}${where}, ${count(steps, 'step')} in effect`;
}

/** What is worth a line for itself. */
export const isTold = ({ outcome }: ApplyReport): boolean => outcome !== 'unchanged';
