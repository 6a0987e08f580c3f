import type { ON_FAILURE, RolloutPart, RolloutSettings } from '../model';
import type { Reporter } from '../../providers/ipvs';
import { Director } from './director';
import { type Duration } from './duration';
import { checkDuration, checkProps } from './props';

/** Directors have to take new connections after their wave as they did before it. */
export interface ConnectionsCheckProps {
  /** Of its connections per second before the wave a director has to take this share: `'80%'`; between 1% and 99%. */
  atLeast: string;
  /**
   * A director that took fewer connections than this while they were counted before the wave is not judged. Default: as
   * many as it takes for chance not to look like a loss (80 for 50%, 656 for 80%, 2896 for 90%).
   */
  minConnections?: number;
  /** For so long connections are counted, once before a wave and once after its pause. Default 10 seconds. */
  window?: Duration;
}

/** What has to hold after each wave. All that is given has to. */
export interface RolloutCheckProps {
  /** A command that exits with 0, run on the machine that runs lvsform; only with `--allow-exec`. */
  command?: string;
  /** An address that answers an HTTP GET with a status from 200 to 399. */
  url?: string;
  /** Directors of the wave take as many connections as before. */
  connectionsPerSecond?: ConnectionsCheckProps;
  /** How long `command` and `url` may take. Default 10 seconds. */
  timeout?: Duration;
}

interface RolloutOptions {
  maxFailures?: number | string;
  minServing?: number | string;
  pause?: Duration;
  check?: RolloutCheckProps;
  onFailure?: (typeof ON_FAILURE)[number];
}

/** In which waves a change reaches a fleet. A wave begins when the one before it is done and checked. */
export class Rollout {
  private constructor(
    /** @internal */
    readonly parts: readonly (Omit<RolloutPart, 'directors' | 'batch'> & {
      directors?: readonly unknown[];
      batch?: number | string;
    })[],
    private readonly options: RolloutOptions,
  ) {}

  /** First these directors, one wave; say with `then`, `batches` or `rest` how it goes on. */
  static canary(...directors: Director[]): Rollout {
    return new Rollout([{ directors }], {});
  }

  /** Waves of this size in the order of the fleet: a number, or a share such as `'25%'`. */
  static batches(size: number | string): Rollout {
    return new Rollout([{ batch: size }], {});
  }

  /** These waves, and no others. */
  static waves(...waves: (readonly Director[])[]): Rollout {
    return new Rollout(
      waves.map((directors) => ({ directors })),
      {},
    );
  }

  /** One wave per value of a tag, in this order: `Rollout.byTag('site', 'fra', 'ams')`. */
  static byTag(tag: string, ...values: string[]): Rollout {
    return new Rollout(
      values.map((value) => ({ tags: { [tag]: value } })),
      {},
    );
  }

  /** Then these directors, one wave. */
  then(...directors: Director[]): Rollout {
    return this.with({ directors });
  }

  /** Then every director with this tag that is left, one wave. */
  thenTag(tag: string, value: string): Rollout {
    return this.with({ tags: { [tag]: value } });
  }

  /** Then everything that is left, in waves of this size. */
  batches(size: number | string): Rollout {
    return this.with({ batch: size });
  }

  /** Then everything that is left, in one wave. */
  rest(): Rollout {
    return this.batches('100%');
  }

  /** Go on while no more than this many directors have failed: a number, or a share such as `'5%'`. Default 0. */
  maxFailures(amount: number | string): Rollout {
    return this.but({ maxFailures: amount });
  }

  /** So many directors are never in the middle of a change or failed: a number, or a share. Default 0. */
  minServing(amount: number | string): Rollout {
    return this.but({ minServing: amount });
  }

  /** Wait between a wave and its check; not after the last one. Default: not at all. */
  pause(duration: Duration): Rollout {
    return this.but({ pause: duration });
  }

  /** What has to hold after each wave. Default: only that its directors read back as wished. */
  check(check: RolloutCheckProps): Rollout {
    return this.but({ check });
  }

  /**
   * What becomes of directors that were changed before the run stopped. `stop`: they stay changed; `rollback-batch`:
   * those of the wave are put back; `rollback-all`: all of this run are. Default `stop`.
   */
  onFailure(action: (typeof ON_FAILURE)[number]): Rollout {
    return this.but({ onFailure: action });
  }

  private but(options: RolloutOptions): Rollout {
    return new Rollout(this.parts, { ...this.options, ...options });
  }

  private with(part: Rollout['parts'][number]): Rollout {
    return new Rollout([...this.parts, part], this.options);
  }

  /** @internal What goes into the provider block. */
  toSettings(reporter: Reporter): unknown {
    const path = ['rollout'];
    const { maxFailures, minServing, pause, check, onFailure } = this.options;
    if (check !== undefined)
      checkProps(reporter, check, ['command', 'url', 'connectionsPerSecond', 'timeout'], [...path, 'check']);
    const connections = check?.connectionsPerSecond;
    const connectionsPath = [...path, 'check', 'connectionsPerSecond'];
    if (connections !== undefined)
      checkProps(reporter, connections, ['atLeast', 'minConnections', 'window'], connectionsPath);
    const pauseSeconds = checkDuration(reporter, [...path, 'pause'], pause)?.toSeconds();
    const timeoutSeconds = checkDuration(reporter, [...path, 'check', 'timeout'], check?.timeout)?.toSeconds();
    const windowSeconds = checkDuration(reporter, [...connectionsPath, 'window'], connections?.window)?.toSeconds();
    return {
      waves: this.parts.map(({ directors, ...part }, at) =>
        directors === undefined ? part : { directors: namesOf(directors, [...path, 'waves', String(at)], reporter) },
      ),
      maxFailures,
      minServing,
      pauseSeconds,
      check: check && {
        command: check.command,
        url: check.url,
        connectionsPerSecond: connections && {
          atLeast: connections.atLeast,
          minConnections: connections.minConnections,
          windowSeconds,
        },
        timeoutSeconds,
      },
      onFailure,
    } satisfies Record<keyof RolloutSettings, unknown>;
  }
}

function namesOf(directors: readonly unknown[], path: string[], reporter: Reporter): string[] {
  return directors.flatMap((director) => {
    if (director instanceof Director) return [director.name];
    reporter.error({ path, message: 'expected Director constructs' });
    return [];
  });
}
