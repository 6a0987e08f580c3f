/** Both ends of a remote command's standard input and output, for commands that are talked to while they run. */

/** What a command reads: the bytes of its channel in the order they came. */
export class Input {
  private buffer = Buffer.alloc(0);
  private ended = false;
  private wake: () => void = () => undefined;

  push(bytes: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, bytes]);
    this.wake();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  /** Waits until everything has arrived. */
  async whole(): Promise<void> {
    while (!this.ended) await this.more();
  }

  /** Everything, once it has ended. */
  async all(): Promise<string> {
    await this.whole();
    return this.take(this.buffer.length);
  }

  /** `read -r`: up to the end of a line. */
  async line(): Promise<string> {
    while (!this.ended && !this.buffer.includes('\n')) await this.more();
    const end = this.buffer.indexOf('\n');
    return this.take(end < 0 ? this.buffer.length : end + 1).replace(/\n$/, '');
  }

  /** One read(2) of so many bytes: what there is; waits for something; nothing at the end. */
  async chunk(bytes: number): Promise<string> {
    while (!this.ended && this.buffer.length === 0) await this.more();
    return this.take(bytes);
  }

  private take(bytes: number): string {
    const taken = this.buffer.subarray(0, bytes);
    this.buffer = this.buffer.subarray(bytes);
    return taken.toString();
  }

  private more(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}

export interface Terminal {
  input: Input;
  write: (text: string) => void;
}
