/** The same lives on real kernels, logged in as somebody who may run the tools through sudo. */
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { constructsLife, handWrittenLife, type Site } from './life';
import { testCore, Workspace } from './support';

/** An emulated machine that is busy takes its time. */
const PATIENCE_MS = 600_000;

describeLab('terraform on real directors', () => {
  let lab: Lab;
  let workspace: Workspace;
  let sites: [Site, Site];

  beforeEach(async () => {
    lab = await startLab();
    sites = (await lab.directors(2)).map((director, at) => siteOf(`lb${at + 1}`, director)) as [Site, Site];
    workspace = new Workspace({}, { LVSFORM_CONNECT_TIMEOUT: '60' });
  });

  afterEach(async () => {
    workspace.remove();
    await lab.close();
  });

  const siteOf = (name: string, director: LabDirector): Site => ({
    name,
    host: director.host,
    port: director.port,
    user: 'lvsform',
    identityFile: director.identityFile,
    hostKey: director.hostKey,
    sudo: true,
    exec: (argv) => director.ok(argv),
    rules: () => director.listing('-Sn'),
    marks: () => director.ok(['sh', '-c', 'iptables-save -t mangle; ip6tables-save -t mangle']),
  });

  testCore('a configuration by hand, a fleet by for_each', () => handWrittenLife(workspace, sites), PATIENCE_MS);

  testCore('the stack of the constructs', () => constructsLife(workspace, sites), PATIENCE_MS);
});
