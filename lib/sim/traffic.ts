/** New connections of a service, as a test sets them; no packet passes a simulated director. */
import { STATS_PERIOD_SECONDS } from '../model';

export class Traffic {
  private readonly changes: { atSeconds: number; perSecond: number }[] = [];
  private zeroed = 0;

  constructor(private readonly uptimeSeconds: () => number) {}

  /** Connections a second, from the last word on. */
  get perSecond(): number {
    return this.changes.at(-1)?.perSecond ?? 0;
  }

  /**
   * Connections since the service was made or its counters were zeroed, as a kernel shows them: brought up to date now and
   * then.
   */
  get connections(): number {
    return this.counted() - this.zeroed;
  }

  /** From now on so many come every second. */
  carry(perSecond: number): void {
    this.changes.push({ atSeconds: this.uptimeSeconds(), perSecond });
  }

  /** What `ipvsadm -Z` does: what is not counted yet stays to come. */
  zero(): void {
    this.zeroed = this.counted();
  }

  private counted(): number {
    const now = Math.floor(this.uptimeSeconds() / STATS_PERIOD_SECONDS) * STATS_PERIOD_SECONDS;
    const connections = this.changes.map(({ atSeconds, perSecond }, index) => {
      const end = this.changes[index + 1]?.atSeconds ?? now;
      return Math.max(0, Math.min(end, now) - atSeconds) * perSecond;
    });
    return Math.floor(connections.reduce((total, some) => total + some, 0));
  }
}
