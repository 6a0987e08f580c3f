/** The classic lesson, from the example's own program: ports 80 and 443 as one service, three clients to one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeWorkbench, type Workbench } from '../cli/support';
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { writeSshConfig } from '../support/lab-ssh';

const VIP = '192.168.74.88';
const PROGRAM = join(__dirname, '../../examples/fwmark-http-https/main.ts');
/** wrr gives each four new clients 3 to 1, and the example's persistence keeps them there. */
const CLIENTS = 4;
const REQUESTS_EACH = 10;

describeLab('the example fwmark-http-https', () => {
  let lab: Lab;
  let workbench: Workbench;
  let directors: LabDirector[];

  beforeAll(async () => {
    lab = await startLab();
    workbench = makeWorkbench();
    directors = [await lab.director({ iptables: 'nft' }), await lab.director({ iptables: 'legacy' })];
  }, 600_000);

  afterAll(async () => {
    workbench.remove();
    await lab.close();
  });

  test('is applied to a director with nft and one with legacy iptables, and then plans to nothing', async () => {
    const [lb1, lb2] = directors as [LabDirector, LabDirector];
    workbench.project('example', readFileSync(PROGRAM, 'utf8'));
    const sshConfig = writeSshConfig(workbench.path, { 'lb1.example.net': lb1, 'lb2.example.net': lb2 });
    const options = { cwd: 'example', env: { LVSFORM_SSH_CONFIG: sshConfig } };

    expect(await workbench.run(['apply', '--auto-approve'], options)).toMatchObject({ code: 0 });
    expect(await workbench.run(['plan', '--detailed-exitcode'], options)).toMatchObject({ code: 0 });
    for (const director of directors)
      expect((await director.listing('-Sn')).split('\n')).toEqual([
        '-A -f 12 -s wrr -p 360',
        '-a -f 12 -r 192.168.74.129:0 -g -w 3',
        '-a -f 12 -r 192.168.74.133:0 -g -w 1',
        '',
      ]);
  }, 600_000);

  test.each([
    ['nft', 0],
    ['legacy', 1],
  ])(
    '%s: both ports are one service, 3 to 1, and persistent across ports',
    async (_, at) => {
      const { client } = directors[at]!;
      const totals: Record<string, number> = {};
      for (const from of client.addresses.slice(0, CLIENTS)) {
        const homes = [];
        for (const port of [80, 443]) {
          const { failed, servers } = await client.get(`http://${VIP}:${port}/`, REQUESTS_EACH, { from });
          expect(failed).toBe(0);
          homes.push(Object.keys(servers));
          for (const [name, count] of Object.entries(servers)) {
            const answered = `${name}:${port}`;
            totals[answered] = (totals[answered] ?? 0) + count;
          }
        }
        // Who came for port 80 stays with that server on port 443.
        expect(homes[0]).toHaveLength(1);
        expect(homes[1]).toEqual(homes[0]);
      }
      console.log(`${CLIENTS} clients, ${REQUESTS_EACH} requests each to a port: ${JSON.stringify(totals)}`);
      expect(totals).toEqual({ 'rs1:80': 30, 'rs2:80': 10, 'rs1:443': 30, 'rs2:443': 10 });
      expect(await client.get(`http://${VIP}:8080/`)).toMatchObject({
        answered: 0,
        failures: [{ error: 'Connection refused', accepted: false }],
      });
    },
    600_000,
  );
});
