import { isUnresolved } from '../../providers/ipvs/kit/unresolved';
import { refuseValue } from './values';

/** A span of time. */
export class Duration {
  private constructor(private readonly wholeSeconds: number) {}

  static seconds(amount: number): Duration {
    return Duration.of('seconds', amount, 1);
  }

  static minutes(amount: number): Duration {
    return Duration.of('minutes', amount, 60);
  }

  static hours(amount: number): Duration {
    return Duration.of('hours', amount, 3600);
  }

  static days(amount: number): Duration {
    return Duration.of('days', amount, 86400);
  }

  private static of(unit: string, amount: number, secondsPerUnit: number): Duration {
    if (isUnresolved(amount)) {
      if (secondsPerUnit !== 1) {
        const message = 'the number is not known yet, so it can not be converted';
        refuseValue(`Duration.${unit}`, [{ path: [], message, hint: 'use Duration.seconds with a number of seconds' }]);
      }
      return new Duration(amount);
    }
    const seconds = amount * secondsPerUnit;
    if (!Number.isSafeInteger(seconds) || seconds < 0) {
      const message = `${String(amount)} ${unit} is not a whole number of seconds from 0`;
      refuseValue(`Duration.${unit}`, [{ path: [], message }]);
    }
    return new Duration(seconds);
  }

  toSeconds(): number {
    return this.wholeSeconds;
  }

  toString(): string {
    return `${this.wholeSeconds}s`;
  }
}
