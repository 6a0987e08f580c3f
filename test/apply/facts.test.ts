import { type DirectorAccess, fetchLive } from '../../lib/apply';
import { Machine } from '../../lib/sim/machine';
import { runShell } from '../../lib/sim/shell';
import { newNonce } from '../../lib/transport';
import { hold } from '../support/runner';

/** A connection to a machine, and every script that was run over it. */
function connectTo(machine: Machine): { access: DirectorAccess; scripts: string[] } {
  const scripts: string[] = [];
  const runner = {
    run: (script: string, { stdin = '' }: { stdin?: string } = {}) => {
      scripts.push(script);
      return Promise.resolve(runShell(machine, script, stdin));
    },
    hold,
    close: () => Promise.resolve(),
  };
  return { access: { name: 'lb1', sudo: false, runner, nonce: newNonce }, scripts };
}

const FACTS = ['command -v ipvsadm', 'ipvsadm --version', 'uname -r', 'dpkg-query', 'iptables --version'];

test('what stands still is read once per connection, the table every time', async () => {
  const machine = new Machine({}, () => new Date(0));
  const { access, scripts } = connectTo(machine);
  const before = await fetchLive(access, 'LVSFORM-edge');
  machine.load('-A -t 192.0.2.1:80 -s wrr\n');
  const after = await fetchLive(access, 'LVSFORM-edge');

  expect(FACTS.filter((fact) => scripts[0]?.includes(fact))).toEqual(FACTS);
  expect(FACTS.filter((fact) => scripts[1]?.includes(fact))).toEqual([]);
  expect(after.capabilities).toEqual(before.capabilities);
  expect(before.table.services).toHaveLength(0);
  expect(after.table.services).toHaveLength(1);
});

test('a new connection reads everything', async () => {
  const machine = new Machine({}, () => new Date(0));
  await fetchLive(connectTo(machine).access, 'LVSFORM-edge');
  const { access, scripts } = connectTo(machine);
  await fetchLive(access, 'LVSFORM-edge');
  expect(FACTS.filter((fact) => scripts[0]?.includes(fact))).toEqual(FACTS);
});

test('a reading that fails leaves no facts behind', async () => {
  const machine = new Machine({ permission: 'none' }, () => new Date(0));
  const { access, scripts } = connectTo(machine);
  await expect(fetchLive(access, 'LVSFORM-edge')).rejects.toMatchObject({ code: 'no-permission' });
  await expect(fetchLive(access, 'LVSFORM-edge')).rejects.toMatchObject({ code: 'no-permission' });
  expect(scripts[1]).toContain('uname -r');
});
