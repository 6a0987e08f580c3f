/** What a director has from one boot to the next: running processes, their locks, and time that passes. */
import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';

/** The process is gone with its machine: nothing more of it is run. */
export class Killed extends Error {}

/** How long a waiting flock sleeps before it looks again. */
const LOOK_AGAIN_SECONDS = 0.02;

export class Boot {
  private readonly end = new AbortController();
  /** Held by one client at a time. */
  readonly lock = new Flock(this);
  /** Held by whatever is changing the director. */
  readonly work = new Flock(this);
  private lastPid = 1000;
  private readonly begin = performance.now();

  /** @param secondMs how long a second of this machine lasts */
  constructor(private readonly secondMs: number) {
    // As many may sleep as there are processes.
    setMaxListeners(0, this.end.signal);
  }

  /** Seconds of this machine since it was started. */
  uptimeSeconds(): number {
    return (performance.now() - this.begin) / this.secondMs;
  }

  newPid(): number {
    this.lastPid += 1;
    return this.lastPid;
  }

  /** Ends all processes. */
  shutDown(): void {
    this.end.abort();
  }

  /** @throws Killed */
  async sleep(seconds: number): Promise<void> {
    await this.during(wait(seconds * this.secondMs, undefined, { signal: this.end.signal }));
  }

  /** Waits for something no longer than that. @returns undefined when the time is up. @throws Killed */
  async within<Value>(seconds: number, awaited: Promise<Value>): Promise<Value | undefined> {
    const timer = new AbortController();
    const signal = AbortSignal.any([timer.signal, this.end.signal]);
    const patience = wait(seconds * this.secondMs, undefined, { signal }).catch(() => undefined);
    try {
      return await this.during(Promise.race([awaited, patience]));
    } finally {
      timer.abort();
    }
  }

  /** Waits for something. @throws Killed when the machine went down meanwhile */
  async during<Value>(awaited: Promise<Value>): Promise<Value> {
    try {
      return await awaited;
    } finally {
      // Whatever came of it: nobody is there any more to know.
      // eslint-disable-next-line no-unsafe-finally
      if (this.end.signal.aborted) throw new Killed();
    }
  }

  /** Starts a process that outlives the one that starts it. */
  start(process: () => Promise<void>): void {
    process().catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
  }
}

/** A lock as flock(1) takes it: the kernel frees it with the process that holds it. */
export class Flock {
  private held = false;

  constructor(private readonly boot: Boot) {}

  /** What `flock -s -n FILE true` finds. */
  get isFree(): boolean {
    return !this.held;
  }

  /** @returns whether it was taken before the time was up */
  async take(patienceSeconds = Infinity): Promise<boolean> {
    for (let waited = 0; this.held; waited += LOOK_AGAIN_SECONDS) {
      if (waited >= patienceSeconds) return false;
      await this.boot.sleep(LOOK_AGAIN_SECONDS);
    }
    this.held = true;
    return true;
  }

  free(): void {
    this.held = false;
  }
}
