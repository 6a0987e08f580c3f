import { MARKDOWN_LIMIT, renderJson, renderMarkdown, renderText, summaryLine } from '../../lib/report';
import { type DesiredRollout, type DesiredStack, type FailedDirector, markAllowed, serviceId } from '../../lib/model';
import { server, service, table, WEB } from '../plan/tables';
import { expectGolden } from '../support/golden';
import { FULL, MIXED, plan, planOf } from './plans';

const rollout: DesiredRollout = {
  fleet: 'table',
  waves: [['lb2'], ['lb1', 'lb3'], Array.from({ length: 9 }, (_, at) => `lb${at + 4}`)],
  size: 12,
  maxFailures: 1,
  minServing: 9,
  pauseSeconds: 60,
  check: { url: 'https://192.0.2.10/', command: 'test "$(cat a | wc -l)" -lt 3', timeoutSeconds: 10 },
  onFailure: 'rollback-batch',
};
const stackOf = (...rollouts: DesiredRollout[]): DesiredStack => ({
  stack: 'edge',
  directors: [],
  gates: [],
  rollouts,
});
const STACKS = [stackOf(rollout)];

test('text', () => {
  expectGolden('report/plan.txt', renderText(MIXED));
});

test('markdown', () => {
  expectGolden('report/plan.md', renderMarkdown(MIXED, STACKS));
});

test('what is set apart on a terminal', () => {
  const tag = (name: string) => (text: string) => `<${name}>${text}</${name}>`;
  const style = {
    create: tag('+'),
    update: tag('~'),
    delete: tag('-'),
    strong: tag('b'),
    faint: tag('f'),
    error: tag('e'),
  };
  const text = renderText(MIXED, style);
  expect(text).toContain('<b>lb1, lb2</b>\n  <+>+ tcp/192.0.2.10:80</+>');
  expect(text).toContain('  <~>~ tcp/192.0.2.10:80</~>');
  expect(text).toContain('  <->- tcp/192.0.2.10:80/10.0.0.2:80</->');
  expect(text).toContain('  <e>error</e>: ');
  expect(text.replace(/<\/?[a-z+~-]>/g, '')).toBe(renderText(MIXED));
});

test('JSON has an entry for every director, also one that is away', () => {
  const document = JSON.parse(renderJson(MIXED, STACKS)) as { directors: { director: string }[]; rollouts: object[] };
  expect(document.rollouts).toEqual([{ stack: 'edge', ...rollout }]);
  expect(document.directors.map(({ director }) => director)).toEqual(['lb1', 'lb2', 'lb3', 'lb4', 'lb5']);
  expect(document.directors[4]).toMatchObject({ error: { code: 'unreachable' }, changes: [], steps: [], foreign: 0 });
});

describe('findings that block', () => {
  const before = table({ services: [service(WEB, [server('10.0.0.1'), server('10.0.0.2')])] });
  const after = table({ services: [service(WEB, [server('10.0.0.2')])] });
  const connected = (director: string, active: number) =>
    planOf(director, before, after, { connections: { [serviceId(WEB)]: { '10.0.0.1:80': { active, inactive: 0 } } } });
  const fleet = plan(connected('lb1', 3), connected('lb2', 40), connected('lb3', 5));
  const said = 'tcp/192.0.2.10:80/10.0.0.1:80: is removed with 40 active connections on lb2, fewer elsewhere';

  test('directors that differ in their connections only are shown once, with the most', () => {
    const text = renderText(fleet);
    expect(text).toContain(`lb1, lb2, lb3\n`);
    expect(text).toContain(`  ! blocked: ${said} [active-connections]\n      hint: give the service a drain`);
    expect(text).toContain('Blocked by 3 findings: --allow active-connections lets it pass.\n');
    expect(renderMarkdown(fleet)).toContain(`- :no_entry: **blocked** lb1, lb2, lb3: ${said} [active-connections]`);
  });

  test('the same number everywhere needs no name', () => {
    expect(renderText(plan(connected('lb1', 1), connected('lb2', 1)))).toContain(
      '10.0.0.1:80: is removed with 1 active connection [',
    );
  });

  test('without connections it is another plan', () => {
    expect(renderText(plan(connected('lb1', 1), connected('lb2', 0)))).toContain('\n\nlb2\n');
  });

  test('allowed ones block nothing', () => {
    const allowed = markAllowed(fleet, ['active-connections']);
    expect(renderText(allowed)).toContain(`  ! allowed: ${said}`);
    expect(renderText(allowed)).not.toContain('locked');
    expect(renderMarkdown(allowed)).toContain('- :warning: allowed lb1');
  });

  test('in JSON they are as they are', () => {
    const document = JSON.parse(renderJson(fleet, [])) as { directors: { findings: object[]; fingerprints: object }[] };
    expect(document.directors[1]).toMatchObject({
      findings: [{ code: 'active-connections', severity: 'blocking', connections: 40 }],
      fingerprints: { 'tcp/192.0.2.10:80': expect.any(String) as string },
    });
  });
});

const away: FailedDirector = { stack: 'edge', director: 'lb9', error: { code: 'auth', message: 'lb9: no' } };

test.each([
  [plan(planOf('lb1', FULL, FULL)), 'No changes on 1 director.'],
  [plan(planOf('lb1', FULL, FULL), away), 'No changes on 1 director. 1 director could not be planned.'],
  [plan(away), '1 director could not be planned.'],
  [plan({ ...planOf('lb1', FULL, FULL), foreign: 1 }), 'No changes on 1 director. 1 foreign entry is left alone.'],
  [
    plan(planOf('lb1', table(), FULL), { ...planOf('lb2', FULL, FULL), foreign: 3 }),
    'Plan: 9 to create, 0 to update, 0 to delete on 2 directors. 3 foreign entries are left alone.',
  ],
])('summary %#', (of, line) => {
  expect(summaryLine(of)).toBe(line);
});

test('markdown of a fleet of thousands names the first and shows what happens', () => {
  const names = Array.from({ length: 3000 }, (_, at) => `director-${at + 1}.example`);
  const text = renderMarkdown(plan(...names.map((name) => planOf(name, FULL, table()))));
  const listed = `${names.slice(0, 8).join(', ')} and 2992 more`;
  expect(text).toContain(`- :warning: ${listed}: `);
  expect(text).toContain(`<details><summary>${listed}: `);
  expect(text).not.toContain('left out here');
});

describe('markdown keeps to its limit', () => {
  const many = (services: number) =>
    table({
      services: Array.from({ length: services }, (_, at) =>
        service({ by: 'address', protocol: 'tcp', address: '192.0.2.10', port: 1000 + at }, [
          server('10.0.0.1', { port: 1000 + at }),
        ]),
      ),
    });

  test('one director with more changes than there is room: the first ones, and how many more', () => {
    const text = renderMarkdown(plan(planOf('lb1', table(), many(1000))));
    expect(text.length).toBeLessThanOrEqual(MARKDOWN_LIMIT);
    expect(text.length).toBeGreaterThan(MARKDOWN_LIMIT * 0.9);
    expect(text).toContain('lb1: 2000 changes, 2000 steps');
    expect(text).toMatch(
      /_\d+ more changes and \d+ more lines of commands left out here\. Run `lvsform plan` to see it all\._\n\n<\/details>\n$/,
    );
  });

  test('more directors than there is room', () => {
    const directors = Array.from({ length: 300 }, (_, at) => planOf(`lb${at}`, table(), many(1 + (at % 150))));
    const text = renderMarkdown(plan(...directors));
    expect(text.length).toBeLessThanOrEqual(MARKDOWN_LIMIT);
    expect(text).toMatch(/_\d+ more groups of directors left out here\./);
    expect(text.match(/<details>/g)?.length).toBe(text.match(/<\/details>/g)?.length);
  });

  test('more waves than there is room: what is changed is seen all the same', () => {
    const waves = Array.from({ length: 2000 }, (_, at) => [`director-with-a-name-${at}`]);
    const rollouts = ['a', 'b'].map((fleet) => ({ ...rollout, fleet, waves }));
    const text = renderMarkdown(plan(planOf('lb1', table(), many(1000))), [stackOf(...rollouts)]);
    expect(text.length).toBeLessThanOrEqual(MARKDOWN_LIMIT);
    expect(text).toMatch(/\| 1 \| director-with-a-name-0 \|\n[^]*_\d+ more waves left out here\./);
    expect(text).toContain('Rollout of b: 2000 waves');
    expect(text).toContain('lb1: 2000 changes, 2000 steps');
    expect(text.match(/<details>/g)?.length).toBe(text.match(/<\/details>/g)?.length);
  });

  test('more rollouts than there is room', () => {
    const check = { command: `echo ${'x'.repeat(2000)}`, timeoutSeconds: 10 };
    const rollouts = Array.from({ length: 100 }, (_, at) => ({ ...rollout, check, fleet: `fleet-${at}` }));
    const text = renderMarkdown(plan(planOf('lb1', table(), FULL)), [stackOf(...rollouts)]);
    expect(text.length).toBeLessThanOrEqual(MARKDOWN_LIMIT);
    expect(text).toContain('_100 more rollouts left out here.');
    expect(text).toContain('lb1: 9 changes');
  });

  test('more problems than there is room', () => {
    const lost = Array.from({ length: 3000 }, (_, at): FailedDirector => ({ ...away, director: `lb${at}` }));
    const text = renderMarkdown(plan(planOf('ok', table(), FULL), ...lost));
    expect(text.length).toBeLessThanOrEqual(MARKDOWN_LIMIT);
    expect(text).toMatch(/_\d+ more problems are left out here\./);
    expect(text).toContain('ok: 9 changes');
  });
});
