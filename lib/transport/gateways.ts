import type { Link } from './link';

interface Entry {
  link: Promise<Link>;
  users: number;
}

/**
 * Connections to jump hosts, shared by all directors behind them and closed by the last one to leave: a bastion's sshd
 * drops connections when a fleet knocks all at once (MaxStartups).
 */
export class Gateways {
  private readonly entries = new Map<string, Entry>();

  /** The connection of that name, opened unless it is there already. Every call needs its `leave`. */
  async enter(name: string, open: () => Promise<Link>): Promise<{ link: Link; leave: () => Promise<void> }> {
    const entry = this.entries.get(name) ?? this.add(name, open);
    entry.users += 1;
    const link = await entry.link;
    return { link, leave: () => this.leave(name, entry) };
  }

  private add(name: string, open: () => Promise<Link>): Entry {
    const entry: Entry = { link: open(), users: 0 };
    this.entries.set(name, entry);
    const forget = (): void => {
      if (this.entries.get(name) === entry) this.entries.delete(name);
    };
    entry.link.then((link) => {
      link.onceClosed(forget);
    }, forget);
    return entry;
  }

  private async leave(name: string, entry: Entry): Promise<void> {
    entry.users -= 1;
    if (entry.users > 0) return;
    if (this.entries.get(name) === entry) this.entries.delete(name);
    const link = await entry.link;
    await link.close();
  }
}
