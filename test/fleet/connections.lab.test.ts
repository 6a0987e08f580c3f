/** The check on connections against a real kernel and real traffic: a change that keeps it, and one that leads it away. */
import { type DesiredRollout, type DesiredStack, type MarkRule } from '../../lib/model';
import { applyPlan, type ApplyReport, type FleetEvent, planStacks } from '../../lib/pipeline';
import { createSshConnector } from '../../lib/transport';
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { MARKED, markRule, server, service } from '../plan/tables';

jest.setTimeout(600_000);

const VIP = '192.168.74.88';
/** Some thirty connections, one every 200 ms: a regular stream, of which chance takes none away, and which a busy machine keeps up with. */
const CHECK: NonNullable<DesiredRollout['check']> = {
  connectionsPerSecond: { atLeast: '50%', minConnections: 10, windowSeconds: 6 },
  timeoutSeconds: 5,
};

describeLab('a check on connections', () => {
  let lab: Lab;
  let director: LabDirector;

  beforeAll(async () => {
    lab = await startLab();
    director = await lab.director();
  });
  afterAll(() => lab.close());

  async function apply(scheduler: string, port: string): Promise<{ report: ApplyReport; events: FleetEvent[] }> {
    const { host, port: sshPort, identityFile, hostKey } = director;
    const marks: MarkRule[] = [markRule({ destination: `${VIP}/32`, ports: [port] })];
    const services = [service(MARKED, [server('192.168.74.129', { port: 0 })], { scheduler })];
    const stack: DesiredStack = {
      stack: 'edge',
      directors: [
        {
          director: { name: 'lb1', host, port: sshPort, user: 'lvsform', sudo: true, identityFile, hostKey, agent: false }, // prettier-ignore
          table: { services, marks, timeouts: {}, daemons: [] },
          policies: {},
          sources: {},
        },
      ],
      gates: [],
      rollouts: [
        { fleet: 'table', waves: [['lb1']], size: 1, maxFailures: 0, minServing: 0, pauseSeconds: 0, onFailure: 'rollback-batch', check: CHECK }, // prettier-ignore
      ],
    };
    const open = await planStacks([stack], { connect: createSshConnector({ env: { HOME: '/nonexistent' } }) });
    const events: FleetEvent[] = [];
    try {
      const [report] = await applyPlan(open, { tool: '0.1.0', author: { by: 'ada@test' } }, { onFleet: (event) => events.push(event) }); // prettier-ignore
      return { report: report!, events };
    } finally {
      await open.close();
    }
  }

  const checked = (events: readonly FleetEvent[]): FleetEvent | undefined =>
    events.find(({ kind }) => kind === 'checked');

  test('a service that is new is not judged, one that keeps its traffic passes, one that loses it is put back', async () => {
    const made = await apply('rr', '80');
    expect([made.report.outcome, checked(made.events)]).toMatchObject(['applied', { unjudged: ['lb1'] }]);

    const probe = await director.client.probe({ url: `http://${VIP}/`, everyMs: 200, overlap: 4 });
    const kept = await apply('wrr', '80');
    expect([kept.report.outcome, checked(kept.events)]).toEqual([
      'applied',
      { kind: 'checked', fleet: 'table', number: 1 },
    ]);

    // The service stays, but nothing is marked any more.
    const lost = await apply('wrr', '8080');
    expect(lost.report.outcome).toBe('rolled-back');
    expect(lost.events).toContainEqual(
      expect.objectContaining({
        kind: 'checked',
        error: expect.objectContaining({ message: expect.stringMatching(/lb1 takes 0\.0 connections\/s, [\d.]+ before it was changed: 0 %, not 50 % or more$/) as unknown }) as unknown, // prettier-ignore
      }),
    );
    const { servers } = await director.client.get(`http://${VIP}/`, 1);
    expect(Object.keys(servers)).toEqual(['rs1']);
    await probe.stop();
  });
});
