/** What a run looks like while it goes on: live lines on a terminal, plain lines elsewhere, JSON for machines. */
import { MultiBar, type SingleBar } from 'cli-progress';
import type { ApplyEvent } from '../apply';
import type { ApplyReport, FleetEvent } from '../pipeline';
import { count } from '../report';
import type { Io } from './io';
import { errorFields } from './journal';
import { describeEvent } from './net';

export const PROGRESS_KINDS = ['auto', 'plain', 'json'] as const;
export type ProgressKind = (typeof PROGRESS_KINDS)[number];

export interface Progress {
  fleet(event: FleetEvent): void;
  director(name: string, event: ApplyEvent): void;
  report(report: ApplyReport): void;
  /** A line that is no event. */
  say(line: string): void;
  /** Directors in the middle of a change. */
  inFlight(): string[];
  end(): void;
}

/** @param total directors with something to do */
export function openProgress(kind: ProgressKind, total: number, io: Io): Progress {
  const flying = new Set<string>();
  const view = kind === 'json' ? jsonView(io) : kind === 'auto' && io.screen !== undefined ? liveView(io.screen, total) : plainView(io); // prettier-ignore
  return {
    ...view,
    fleet: (event) => {
      if (event.kind === 'begun') flying.add(event.director);
      view.fleet(event);
    },
    report: (report) => {
      flying.delete(report.director);
      view.report(report);
    },
    inFlight: () => [...flying],
  };
}

type View = Omit<Progress, 'inFlight'>;

/** So many names are listed; of more, their number tells more. */
const LISTED = 8;

function describeFleet(event: FleetEvent): string | undefined {
  switch (event.kind) {
    case 'wave': {
      const { directors } = event;
      const who = directors.length > LISTED ? count(directors.length, 'director') : directors.join(', ');
      return `wave ${event.number} of ${event.waves} (${event.fleet}): ${who}`;
    }
    case 'begun':
      return event.verb === 'take-back' ? `${event.director}: taking it back` : undefined;
    case 'pause':
      return `${event.fleet}: waiting ${event.seconds} s before the check`;
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

function describeReport({ director, outcome, steps, failedAt }: ApplyReport): string {
  const where = outcome === 'failed' && failedAt !== undefined ? ` at step ${failedAt}` : '';
  return `${director}: ${outcome}${where}, ${count(steps, 'step')} in effect`;
}

/** What is worth a line for itself. */
const isTold = ({ outcome }: ApplyReport): boolean => outcome !== 'unchanged';

function plainView(io: Io): View {
  let told: string | undefined;
  const say = (line: string | undefined): void => {
    if (line !== undefined && line !== told) io.err(`${line}\n`);
    told = line;
  };
  return {
    fleet: (event) => {
      const line = describeFleet(event);
      if (line !== undefined) say(line);
    },
    director: (name, event) => {
      say(describeEvent(name, event));
    },
    report: (report) => {
      if (isTold(report)) say(describeReport(report));
    },
    say,
    end: () => undefined,
  };
}

function jsonView(io: Io): View {
  const write = (fields: object): void => {
    io.err(`${JSON.stringify({ at: new Date().toISOString(), ...fields })}\n`);
  };
  const withError = ({ error, ...rest }: object & { error?: unknown }): object => ({
    ...rest,
    ...(error === undefined ? {} : { error: errorFields(error) }),
  });
  return {
    fleet: (event) => {
      write({ event: event.kind, ...withError(event), kind: undefined });
    },
    director: (director, event) => {
      write({ event: event.kind, director, ...event, kind: undefined });
    },
    report: (report) => {
      write({ event: 'director', ...withError(report) });
    },
    say: (message) => {
      write({ event: 'note', message });
    },
    end: () => undefined,
  };
}

/** How far a director is, by the last thing that happened on it. */
const STAGES = ['begun', 'locked', 'executing', 'verified', 'confirmed'] as const;
const WORDS: Readonly<Record<string, string>> = {
  begun: 'connecting',
  locked: 'checking again',
  executing: 'changing',
  verified: 'recording',
};

function liveView(screen: NodeJS.WriteStream, total: number): View {
  const bars = new MultiBar(
    {
      stream: screen,
      hideCursor: true,
      gracefulExit: false,
      clearOnComplete: false,
      format: '  {name} {bar} {text}',
      barsize: 12,
      fps: 8,
    },
    { format: '{bar}', barCompleteChar: '█', barIncompleteChar: '░' },
  );
  const overall = bars.create(total, 0, { name: 'all' }, { format: '{bar} {value} of {total} directors, about {eta_formatted} left', barsize: 24 }); // prettier-ignore
  const lines = new Map<string, SingleBar>();
  const say = (line: string | undefined): void => {
    // The library swallows a line without its end.
    if (line !== undefined) bars.log(`${line}\n`);
  };
  const show = (name: string, text: string): void => {
    // More lines than the screen has would scroll it.
    if (!lines.has(name) && lines.size < screen.rows - 3)
      lines.set(name, bars.create(STAGES.length - 1, 0, { name, text }));
    lines.get(name)?.update({ name, text });
  };
  return {
    fleet: (event) => {
      if (event.kind === 'begun') show(event.director, event.verb === 'apply' ? 'connecting' : 'taking it back');
      else say(describeFleet(event));
    },
    director: (name, event) => {
      const stage = STAGES.findIndex((one) => one === event.kind);
      if (stage >= 0) lines.get(name)?.update(stage, { name, text: WORDS[event.kind] ?? '' });
      else show(name, describeEvent(name, event)?.replace(`${name}: `, '') ?? '');
    },
    report: (report) => {
      const line = lines.get(report.director);
      if (line !== undefined) bars.remove(line);
      lines.delete(report.director);
      if (isTold(report)) {
        if (report.outcome !== 'skipped') overall.increment();
        say(describeReport(report));
      }
    },
    say,
    end: () => {
      // Lines that were said since the last frame would be lost.
      bars.update();
      bars.stop();
    },
  };
}
