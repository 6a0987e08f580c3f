/** What cdktf seldom uses is not loaded with it, and is there when it is used. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeWorkbench } from './support';

const bench = makeWorkbench();
afterAll(() => {
  bench.remove();
});

const LOADED = `
const loaded = (name: string): boolean => Object.keys(require.cache).some((file) => file.includes(\`/\${name}/\`));
const tell = (): void => console.log('cdktf', loaded('cdktf'), 'archiver', loaded('archiver'), 'semver', loaded('semver'));
`;

test('assets are zipped, although the command has not loaded what zips them', async () => {
  bench.write('asset/page/index.html', 'hello');
  bench.project(
    'asset',
    `import { App, AssetType, TerraformAsset } from 'cdktf';
import { IpvsStack } from 'lvsform';
${LOADED}
const app = new App();
new TerraformAsset(new IpvsStack(app, 'edge'), 'page', { path: \`\${__dirname}/page\`, type: AssetType.ARCHIVE });
app.synth();
tell();`,
  );
  const { code, stderr } = await bench.run(['synth'], { cwd: 'asset' });
  expect(stderr).toContain('cdktf true archiver false semver false');
  expect(code).toBe(0);
  const files = readdirSync(join(bench.path, 'asset', 'cdktf.out'), { recursive: true }).map(String);
  expect(files.filter((file) => file.endsWith('archive.zip'))).toHaveLength(1);
});

test('versions are compared, by what is loaded at that moment', async () => {
  bench.project(
    'version',
    `import { App } from 'cdktf';
import { ValidateBinaryVersion } from 'cdktf/lib/validations/validate-binary-version';
import { IpvsStack } from 'lvsform';
${LOADED}
const app = new App();
new IpvsStack(app, 'edge');
app.synth();
tell();
for (const wanted of ['>=18', '<18'])
  console.log(wanted, new ValidateBinaryVersion('node', wanted, 'node --version', 'hint').validate().length);
tell();`,
  );
  const { code, stderr } = await bench.run(['synth'], { cwd: 'version' });
  expect(stderr.split('\n')).toEqual(
    expect.arrayContaining([
      'cdktf true archiver false semver false',
      '>=18 0',
      '<18 1',
      'cdktf true archiver false semver true',
    ]),
  );
  expect(code).toBe(0);
});
