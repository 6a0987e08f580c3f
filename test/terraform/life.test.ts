import { type Sim, startSim } from '../../lib/sim';
import { constructsLife, handWrittenLife, type Site, web } from './life';
import { providerBlock, testCore, Workspace } from './support';

let sim: Sim;
let workspace: Workspace;
let sites: [Site, Site];

beforeEach(async () => {
  sim = await startSim({ directors: 2 });
  workspace = new Workspace();
  sites = sim.directors.map((director): Site => ({
    ...director,
    exec: (argv) => Promise.resolve(director.exec(argv)),
    rules: () => Promise.resolve(director.rules()),
    marks: () => Promise.resolve(director.marks()),
  })) as [Site, Site];
});

afterEach(async () => {
  workspace.remove();
  await sim.close();
});

testCore(
  'a configuration by hand: init, validate, plan, apply, nothing left, edit in place, drift, import, destroy',
  async () => {
    await handWrittenLife(workspace, sites);
    expect(Object.keys(sim.directors[0]!.files())).not.toContain('/var/lib/lvsform/edge.json');
  },
);

testCore('the artefact of the constructs runs as it is, and both engines agree on what is done', () =>
  constructsLife(workspace, sites),
);

testCore('only what makes another entry is replaced', async () => {
  workspace.write('provider.tf.json', providerBlock(sites));
  workspace.write('main.tf', web(3));
  await workspace.init();
  await workspace.apply();
  workspace.write('main.tf', web(3).replace('port      = 80', 'port      = 8080').replace('192.0.2.11', '192.0.2.12'));
  expect(await workspace.actions()).toEqual([
    'delete+create ipvs_virtual_service.web["lb1"]',
    'delete+create ipvs_virtual_service.web["lb2"]',
    'update ipvs_mark_rule.marked',
  ]);
  await workspace.apply();
  expect(await workspace.actions()).toEqual([]);
  expect(sim.directors[1]!.rules()).toContain('192.0.2.10:8080');
});
