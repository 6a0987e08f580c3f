/** How long a run will still take, from what its directors have taken so far. Pure: moments are handed in. */
export class Estimate {
  private readonly begun = new Map<string, number>();
  private done = 0;
  private spentSeconds = 0;
  private mostInFlight = 0;
  private wavesLeft = 0;

  /**
   * @param total directors with something to do
   * @param parallelism directors changed at once, at most
   */
  constructor(
    private readonly total: number,
    private readonly parallelism: number,
  ) {}

  wave(number: number, waves: number): void {
    this.wavesLeft = waves - number;
  }

  begin(director: string, seconds: number): void {
    this.begun.set(director, seconds);
    this.mostInFlight = Math.max(this.mostInFlight, this.begun.size);
  }

  end(director: string, seconds: number): void {
    const since = this.begun.get(director);
    if (since === undefined) return;
    this.begun.delete(director);
    this.done += 1;
    this.spentSeconds += seconds - since;
  }

  /** Without pauses and checks; undefined until a director is done, and when none is left. */
  secondsLeft(): number | undefined {
    const left = this.total - this.done;
    if (this.done === 0 || left <= 0) return undefined;
    // A canary goes alone, the waves after it do not: on average they share what is left.
    const later = (left - this.begun.size) / Math.max(1, this.wavesLeft);
    const atOnce = Math.min(this.parallelism, Math.max(this.mostInFlight, Math.ceil(later)));
    const rounds = Math.max(Math.ceil(left / atOnce), this.wavesLeft + (this.begun.size > 0 ? 1 : 0));
    return (this.spentSeconds / this.done) * rounds;
  }
}
