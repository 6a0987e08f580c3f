/** How an apply protects itself: the dead man's switch, and the lock. */
import type { Command } from 'commander';
import type { ApplyEvent } from '../apply';
import { describeHolder } from '../apply';
import { UsageError } from '../model';
import type { ApplySettings } from '../pipeline';
import { count } from '../report';
import { authorOf } from '../author';
import type { Io } from './io';
import { positive } from './options';
import { VERSION } from './version';

export interface NetFlags {
  /** `90s`, `5m`; false with --no-confirm. */
  confirmWithin: string;
  confirm: boolean;
  lockTimeout?: number;
}

export function withNet(command: Command): Command {
  return command
    .option('--confirm-within <time>', 'the director puts itself back unless the apply is verified in this time', '90s')
    .option('--no-confirm', 'leave the director as it is when the apply dies half-way (the undo is still placed there)')
    .option('--lock-timeout <seconds>', 'wait this long for another apply to finish', positive);
}

/**
 * How an apply that was asked for with these flags is carried out and signed.
 *
 * @param allowed codes of blocking findings that are let pass
 * @throws UsageError
 */
export function settingsOf(flags: NetFlags, io: Io, allowed: readonly string[], planId?: string): ApplySettings {
  return {
    author: authorOf(io),
    tool: VERSION,
    confirmSeconds: flags.confirm ? seconds(flags.confirmWithin) : 0,
    lockWaitSeconds: flags.lockTimeout ?? 0,
    allowed,
    ...(planId === undefined ? {} : { planId }),
  };
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function seconds(text: string): number {
  const [, number, unit = 's'] = /^(\d+)([smh])?$/.exec(text) ?? [];
  const value = Number(number) * (UNITS[unit] ?? NaN);
  if (value >= 1 && value <= 86_400) return value;
  throw new UsageError(
    'bad-time',
    `--confirm-within: '${text}' is not a time such as 90s or 5m (1 second to 24 hours)`,
  );
}

/** An event as a line for people; undefined when it is nothing to tell. */
export function describeEvent(director: string, event: ApplyEvent): string | undefined {
  switch (event.kind) {
    case 'waiting':
      return `${director}: waiting for the lock, held by ${describeHolder(event.holder)}`;
    case 'draining': {
      const open = event.progress.filter(({ endedBy }) => endedBy === undefined);
      const left = open.reduce((sum, { connections }) => sum + connections, 0);
      if (open.length === 0) return undefined;
      return `${director}: draining ${count(open.length, 'real server')}, ${count(left, 'connection')} left`;
    }
    case 'taken-back':
      return `${director}: taken back (${event.undo.state})`;
    default:
      return undefined;
  }
}
