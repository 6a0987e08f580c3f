/** Directors from files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Director } from '../../lib/constructs';
import { readInventory, sshHosts } from '../../lib/inventory';
import { load } from '../constructs/program';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'lvsform-inventory-'))));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

test('hosts of an SSH configuration and of what it includes; patterns there are none', () => {
  write('more.conf', 'Host edge-3 other\n');
  const file = write('config', `Host edge-1 edge-2\n  User x\nHost edge-* !edge-9\n  Port 22\nInclude ${folder}/*.conf\nHost edge-1\n`);
  expect(sshHosts('edge-*', file)).toEqual(['edge-1', 'edge-2', 'edge-3']);
  expect(() => sshHosts('west-*', file)).toThrow("no Host of");
  expect(() => sshHosts('*', join(folder, 'none'))).toThrow('can not be read');
  const { directors } = load((edge) => void Director.fromSshConfig(edge, 'edge-?', { sudo: true }, file));
  expect(directors.map(({ director }) => director)).toEqual(['edge-1', 'edge-2', 'edge-3'].map((name) => ({ name, host: name, sudo: true })));
}); // prettier-ignore

test('an Include is followed as OpenSSH does: what is not there, folders and hidden files are passed over', () => {
  mkdirSync(join(folder, 'conf.d', '1-folder'), { recursive: true });
  for (const name of ['1-a', '2-b', 'x-c', '.1-d']) write(`conf.d/${name}`, `Host ${name}`);
  const include = (name: string): string => write('includes', `Include ${folder}/${name}\nHost last`);
  expect(sshHosts('*', include('gone'))).toEqual(['last']);
  expect(sshHosts('*', include('gone/*'))).toEqual(['last']);
  expect(sshHosts('*', include('conf.d/*'))).toEqual(['1-a', '2-b', 'x-c', 'last']);
  expect(sshHosts('*', include('conf.?/[0-9]*'))).toEqual(['1-a', '2-b', 'last']);
});

test('names of one machine are one host; names that share only settings are not', () => {
  const file = write('aliases', `Host lb1 lb1.example.net
  HostName 10.0.0.1
Host edge lb2
  HostName 10.0.0.2
Host lb3 lb4
  HostName %h.example.net
Host lb5 lb6
  User ops
Match host lb5
  HostName 10.0.0.5
Host lb1.example.net lb2 edge
  Port 22
`);
  expect(sshHosts('lb*', file)).toEqual(['lb1', 'lb2', 'lb3', 'lb4', 'lb5', 'lb6']);
  expect(sshHosts('*.example.net', file)).toEqual(['lb1.example.net']);
  expect(sshHosts('*', file)).toEqual(['lb1', 'edge', 'lb3', 'lb4', 'lb5', 'lb6']);
}); // prettier-ignore

test('an inventory in YAML, and the same in JSON', () => {
  const yaml = write('a.yaml', 'defaults: { sudo: true, tags: { role: edge } }\ndirectors:\n  lb1: { host: lb1.example.net, port: 2222, tags: { site: fra } }\n  lb2:\n');
  const json = write('a.json', JSON.stringify({ defaults: { sudo: true, tags: { role: 'edge' } }, directors: { lb1: { host: 'lb1.example.net', port: 2222, tags: { site: 'fra' } }, lb2: {} } }));
  expect(readInventory(yaml)).toEqual({
    lb1: { host: 'lb1.example.net', port: 2222, sudo: true, tags: { role: 'edge', site: 'fra' } },
    lb2: { host: 'lb2', sudo: true, tags: { role: 'edge' } },
  });
  expect(readInventory(json)).toEqual(readInventory(yaml));
  const { directors } = load((edge) => void Director.fromInventory(edge, yaml));
  expect(directors.map(({ director }) => director.name)).toEqual(['lb1', 'lb2']);
}); // prettier-ignore

test('everything that is wrong, at once', () => {
  const file = write('bad.yaml', 'extra: 1\ndirectors: { lb1: { ports: 22 }, lb2: { port: 99999 }, lb3: 5 }\n');
  let told = '';
  try {
    readInventory(file);
  } catch (error) {
    told = (error as Error).message.replaceAll(file, 'FILE');
  }
  expect(told.split('\n')).toEqual([
    '[FILE] extra: is not known here',
    '  hint: known here: directors, defaults',
    '[FILE] directors.lb1.ports: is not known here',
    "  hint: did you mean 'port'?",
    '[FILE] directors.lb2.port: 99999 is not a TCP port (1..65535)',
    '[FILE] directors.lb3: expected an object',
  ]);
  expect(() => readInventory(write('worse.yaml', 'a: [1'))).toThrow('is neither JSON nor YAML');
  expect(() => readInventory(join(folder, 'none.yaml'))).toThrow("can't be read");
});
