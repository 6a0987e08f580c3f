/** The files lvsform keeps on a director, and the disk they are on: pages of it, which a test may have run out. */

const PAGE_BYTES = 4096;

const pages = (text: string): number => Math.ceil(Buffer.byteLength(text) / PAGE_BYTES);

export class Disk {
  private readonly files = new Map<string, string>();
  private writes = 0;
  /** Pages that are left once the disk is full: those of files removed since. */
  private freed = 0;

  /** @param fullFrom the disk is full from the n-th write (from 1), `true` from the start */
  constructor(private readonly fullFrom: number | boolean = false) {}

  read(path: string): string | undefined {
    return this.files.get(path);
  }

  has(path: string): boolean {
    return this.files.has(path);
  }

  /** Paths of all files, sorted. */
  paths(): string[] {
    return [...this.files.keys()].sort();
  }

  /**
   * Replaces what a file says.
   *
   * @returns whether there was room; without it the file is left behind empty, as a shell's `>` leaves it
   */
  write(path: string, text: string): boolean {
    if (text !== '') this.writes += 1;
    this.release(this.files.get(path) ?? '');
    this.files.set(path, '');
    if (this.isFull) {
      if (pages(text) > this.freed) return false;
      this.freed -= pages(text);
    }
    this.files.set(path, text);
    return true;
  }

  /** Makes an empty file unless there is one: that needs no room. */
  touch(path: string): void {
    if (!this.has(path)) this.files.set(path, '');
  }

  /** Writes a file beside it and puts that in its place, or leaves the file as it was and the other one behind. */
  replace(path: string, text: string): boolean {
    return this.write(`${path}.new`, text) && this.move(`${path}.new`, path);
  }

  /** `rm -rf` */
  remove(path: string): void {
    for (const [name, text] of this.under(path)) {
      this.release(text);
      this.files.delete(name);
    }
  }

  /** `mv -f`, of a file or a folder. */
  move(from: string, to: string): boolean {
    const moved = this.under(from);
    if (moved.length > 0) this.remove(to);
    for (const [name, text] of moved) {
      this.files.delete(name);
      this.files.set(to + name.slice(from.length), text);
    }
    return true;
  }

  /** Every file gone, and the count of writes begun anew. */
  clear(): void {
    this.files.clear();
    this.writes = 0;
    this.freed = 0;
  }

  private release(text: string): void {
    if (this.isFull) this.freed += pages(text);
  }

  private get isFull(): boolean {
    return this.fullFrom === true || (typeof this.fullFrom === 'number' && this.writes >= this.fullFrom);
  }

  /** The file of this name, or the files in the folder of this name. */
  private under(path: string): [string, string][] {
    return [...this.files].filter(([name]) => name === path || name.startsWith(`${path}/`));
  }
}
