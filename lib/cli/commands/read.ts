import { readListing } from '../../dialect';
import { count } from '../../report';
import { type AddCommand, EXIT } from '../command';
import { withFormat } from '../options';
import { readText } from '../read-text';

export const addRead: AddCommand = (program, io, exit) => {
  const command = program
    .command('read')
    .description('understand a listing of ipvsadm or iptables-save; its kind is recognised')
    .argument('<file>', 'a file, or - for standard input')
    .addHelpText(
      'after',
      `
Reads what ipvsadm -Sn, -Ln (also with --thresholds, --persistent-conn, --stats, --rate, --tun-info, -c, --timeout,
--daemon) and iptables-save print, releases 1.26 to 1.31. What is not understood is an error with its line.

Example:
  $ ssh lb1 sudo ipvsadm -Ln --stats | lvsform read - --format json | jq '.services[].realServers[].address'`,
    );
  withFormat(command, ['text', 'json']).action((file: string, flags: { format: 'text' | 'json' }) => {
    const listing = readListing(readText(file, io.cwd));
    if (flags.format === 'json') io.out(`${JSON.stringify(listing, null, 2)}\n`);
    else io.out(describe(listing));
    exit(EXIT.done);
  });
};

/** One line that says what it is, and one per entry. */
function describe(listing: { kind: string; [name: string]: unknown }): string {
  const { kind, ...rest } = listing;
  const lines = Object.entries(rest).flatMap(([name, value]) => {
    if (!Array.isArray(value)) return [`${name}: ${JSON.stringify(value)}`];
    return [
      `${name}: ${count(value.length, 'entry', 'entries')}`,
      ...value.map((entry) => `  ${JSON.stringify(entry)}`),
    ];
  });
  return `${[kind, ...lines].join('\n')}\n`;
}
