/** What a run looks like while it goes on: live lines on a terminal, plain lines elsewhere, JSON for machines. */
import { describeFleet, describeReport, isTold, type View } from './describe-progress';
import type { Io } from './io';
import { errorFields } from './journal';
import { liveView } from './live-view';
import { describeEvent } from './net';

export const PROGRESS_KINDS = ['auto', 'plain', 'json'] as const;
export type ProgressKind = (typeof PROGRESS_KINDS)[number];

export interface Progress extends View {
  /** Directors in the middle of a change. */
  inFlight(): string[];
}

/**
 * @param total directors with something to do
 * @param parallelism directors changed at once, at most
 */
export function openProgress(kind: ProgressKind, total: number, parallelism: number, io: Io): Progress {
  const flying = new Set<string>();
  const view = kind === 'json' ? jsonView(io) : kind === 'auto' && io.screen !== undefined ? liveView(io.screen, total, parallelism) : plainView(io); // prettier-ignore
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
