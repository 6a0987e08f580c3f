/** New connections of a service, as a test sets them; no packet passes a simulated director. */
export class Traffic {
  /** Connections a second, from the last word on. */
  perSecond = 0;
  private before = 0;
  private since: number;

  constructor(private readonly uptimeSeconds: () => number) {
    this.since = uptimeSeconds();
  }

  /** Connections since the service was made or its counters were zeroed. */
  get connections(): number {
    return Math.floor(this.before + (this.uptimeSeconds() - this.since) * this.perSecond);
  }

  /** From now on so many come every second. */
  carry(perSecond: number): void {
    this.restart(this.connections);
    this.perSecond = perSecond;
  }

  /** What `ipvsadm -Z` does. */
  zero(): void {
    this.restart(0);
  }

  private restart(connections: number): void {
    this.before = connections;
    this.since = this.uptimeSeconds();
  }
}
