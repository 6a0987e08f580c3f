/** What kube-proxy and keepalived keep on a director stays as it is, byte for byte, whatever is applied beside it. */
import fc from 'fast-check';
import { type DirectorAccess, executeSteps, fetchLive } from '../../lib/apply';
import { renderMove } from '../../lib/dialect';
import { chainName, type DirectorTable } from '../../lib/model';
import { planTable } from '../../lib/plan';
import { connectSsh, newNonce } from '../../lib/transport';
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { arbitraryTable, editedTable } from '../support/arbitraries';
import { asWish } from '../support/as-live';
import { SEED } from '../support/seed';

jest.setTimeout(600_000);

const APPLIES = 20;
const STACK = 'edge';
/** What a table drops stays on the director, for nobody knows any more whose it is: it must not be in a daemon's way. */
const FEATURES = { mixedFamily: false };

/** Spelled as `ipvsadm -Sn` spells it; thresholds are set beside. */
const NEIGHBOURS = `-A -t 10.96.0.1:443 -s rr
-a -t 10.96.0.1:443 -r 10.244.0.2:6443 -m -w 1
-a -t 10.96.0.1:443 -r 10.244.1.2:6443 -m -w 1
-A -t 10.96.0.10:53 -s rr -p 10800
-a -t 10.96.0.10:53 -r 10.244.0.3:53 -m -w 1
-A -t 10.250.0.9:80 -s sh -p 50 -M 255.255.255.0 -b sh-fallback,sh-port
-a -t 10.250.0.9:80 -r 10.250.0.2:80 -g -w 0
-a -t 10.250.0.9:80 -r 10.250.0.3:80 -g -w 7
-A -u 10.96.0.10:53 -s rr
-a -u 10.96.0.10:53 -r 10.244.0.3:53 -m -w 1
-A -t [fd00:10:96::a]:53 -s rr
-a -t [fd00:10:96::a]:53 -r [fd00:10:244::3]:53 -m -w 1
-A -f 4096 -s lblcr
-a -f 4096 -r 10.250.0.4:0 -i -w 65535 --tun-type ipip
`;
/** Random tables keep to documentation networks. */
const THEIRS = /^-[Aa] -(?:f 4096 -[^6]|. 10\.|. \[fd00:)/;
const THRESHOLDS = '-e -t 10.250.0.9:80 -r 10.250.0.3:80 -g -w 7 -x 500 -y 400\n';

const RULES = `*mangle
:KUBE-KUBELET-CANARY - [0:0]
:keepalived - [0:0]
-A PREROUTING -j keepalived
-A PREROUTING -d 10.250.0.9/32 -p tcp -m tcp --dport 81 -j MARK --set-xmark 0x1000/0xffffffff
-A keepalived -p 112 -m comment --comment "it's \\"theirs\\"" -j MARK --set-xmark 0x8000/0x8000
COMMIT
*filter
:KUBE-SERVICES - [0:0]
:KUBE-MARK-MASQ - [0:0]
-A FORWARD -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.0/12 -p tcp -j KUBE-MARK-MASQ
-A KUBE-MARK-MASQ -j ACCEPT
COMMIT
`;

describeLab('neighbours on a director', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab();
  });
  afterAll(() => lab.close());

  test.each(['nft', 'legacy'] as const)(`${APPLIES / 2} random applies beside them, with %s`, async (iptables) => {
    const director = await lab.director({ iptables });
    await director.ok(['ipvsadm', '-R'], { stdin: NEIGHBOURS + THRESHOLDS });
    for (const tool of ['iptables-restore', 'ip6tables-restore'])
      await director.ok([tool, '--noflush'], {
        stdin: tool === 'iptables-restore' ? RULES : RULES.replace(/^.*10\..*\n/gm, ''),
      });
    const before = await listNeighbours(director);
    expect(before.services).toBe(NEIGHBOURS);

    const { name, host, port, identityFile, hostKey } = director;
    const runner = await connectSsh({ name, host, port, user: 'root', identityFile, hostKey });
    const access = { name, sudo: false, runner, nonce: newNonce };
    const seed = SEED + (iptables === 'nft' ? 0 : 1);
    let [table] = fc.sample(arbitraryTable(FEATURES), { numRuns: 1, seed });
    let steps = 0;
    for (let at = 0; at < APPLIES / 2 && table !== undefined; at++) {
      steps += await apply(table, access);
      expect(await listNeighbours(director)).toEqual(before);
      [table] = fc.sample(editedTable(table, FEATURES), { numRuns: 1, seed: seed + at });
    }
    console.log(`${director.name}, ${iptables}: ${steps} steps beside neighbours, seed ${SEED}`);
    await runner.close();
    await director.release();
  });
});

/** Plans and applies a table, and sees that nothing is left to do. @returns the number of steps */
async function apply(table: DirectorTable, access: DirectorAccess): Promise<number> {
  const wish = { ...asWish(table), director: { name: access.name, host: access.name } };
  const plan = async () => planTable(STACK, wish, await fetchLive(access, chainName(STACK))).moves.map(renderMove);
  const steps = await plan();
  expect(await executeSteps(steps, access)).toBeUndefined();
  expect(await plan()).toEqual([]);
  return steps.length;
}

interface Listing {
  services: string;
  thresholds: string;
  rules: string;
}

/** What is theirs, as the director's own tools list it. */
async function listNeighbours(director: LabDirector): Promise<Listing> {
  const services = await director.listing('-Sn');
  const thresholds = await director.ok(['ipvsadm', '-Ln', '--thresholds', '-t', '10.250.0.9:80']);
  const rules = await director.ok(['sh', '-c', 'iptables-save; ip6tables-save']);
  const lines = (text: string, keep: (line: string) => boolean): string =>
    text.replace(/.*\n/g, (line) => (keep(line) ? line : ''));
  return {
    services: lines(services, (line) => THEIRS.test(line)),
    thresholds: thresholds.replace(/\s+\d+\s+\d+$/gm, ''),
    rules: lines(rules, (line) => !line.startsWith('#') && !line.includes(chainName(STACK))).replace(
      /\[\d+:\d+\]/g,
      '',
    ),
  };
}
