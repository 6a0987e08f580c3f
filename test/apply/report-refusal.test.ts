/** What a refused apply did, judged by the table: also when that is large, since the lock wants signs of life meanwhile. */
import { judgeSteps, refusalError } from '../../lib/apply';
import { renderMove } from '../../lib/dialect';
import type { DirectorTable, ServiceKey, Step, VirtualService } from '../../lib/model';
import { diffTables } from '../../lib/plan/diff';
import { orderChanges } from '../../lib/plan/order';
import { live, server, service, table } from '../plan/tables';

const keyOf = (at: number): ServiceKey => ({ by: 'address', protocol: 'tcp', address: `10.1.0.${at}`, port: 80 });

/** The steps that make these services. */
function making(services: VirtualService[]) {
  const desired = table({ services });
  const changes = diffTables('lb1', table(), desired);
  return { changes, steps: orderChanges(changes, live(), desired, 'LVSFORM-edge').map(renderMove) };
}

const refusalOf = (items: Step[]) => ({ batch: { tool: 'ipvsadm' as const, items }, code: 255, words: 'No' });

test('tells what had its effect, what was refused and what was never sent', () => {
  const services = [1, 2, 3].map((at) => service(keyOf(at), [server('10.2.0.1')]));
  const { changes, steps } = making(services);
  const now = table({ services: [service(keyOf(1), [server('10.2.0.1', { weight: 7 })])] });
  const refusal = refusalOf(steps.slice(0, 4));
  const stopped = judgeSteps(steps, changes, now, refusal);
  expect(stopped).toMatchObject({ failedAt: 2, entry: 'lb1/tcp/10.1.0.2:80' });
  expect(refusalError('lb1', refusal, stopped).message).toBe(
    [
      'lb1: stopped in phase build: ipvsadm said: No',
      '  without effect (3):',
      '    ipvsadm -A -t 10.1.0.2:80 -s wrr',
      '    ipvsadm -A -t 10.1.0.3:80 -s wrr',
      '    ipvsadm -a -t 10.1.0.1:80 -r 10.2.0.1:80 -g -w 1 -x 0 -y 0',
      '  had taken effect (1):',
      '    ipvsadm -A -t 10.1.0.1:80 -s wrr',
      '  never sent (2):',
      '    ipvsadm -a -t 10.1.0.2:80 -r 10.2.0.1:80 -g -w 1 -x 0 -y 0',
      '    ipvsadm -a -t 10.1.0.3:80 -r 10.2.0.1:80 -g -w 1 -x 0 -y 0',
    ].join('\n'),
  );
});

test('looks at each entry a few times, however many there are', () => {
  const services = Array.from({ length: 200 }, (_, at) => service(keyOf(at), [1, 2, 3].map((n) => server(`10.2.0.${n}`)))); // prettier-ignore
  const { changes, steps } = making(services);
  let looks = 0;
  const watched = services.map((one) => Object.defineProperty({ ...one }, 'key', { get: () => (looks++, one.key), enumerable: true })); // prettier-ignore
  const now: DirectorTable = table({ services: watched });
  expect(judgeSteps(steps, changes, now, refusalOf(steps)).done).toHaveLength(steps.length);
  expect(looks).toBeLessThan(5 * steps.length);
});

test('a batch may have any number of steps', () => {
  const [step] = making([service(keyOf(1))]).steps;
  const steps = new Array<Step>(200_000).fill(step!);
  expect(judgeSteps(steps, [], table(), refusalOf(steps)).refused).toHaveLength(steps.length);
});
