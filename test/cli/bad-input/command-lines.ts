/** Command lines that ask for what isn't there. */
import type { BadCase } from './case';

const TORN = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.0.2.1:80 wrr
  -> 10.0.0.1:80                  Route   1      0          0
  -> 10.0.0.2:80                  Rou
`;
const NAMES = '-A -t www.example.net:http -s wrr\n-a -t www.example.net:http -r rs1.example.net:http -g -w 1\n';
const PROC = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000201:0050 wrr
  -> 0A000001:0050      Route   1      0          0
`;

export const COMMAND_LINES: readonly BadCase[] = [
  { name: 'command-unknown', args: ['aply'] },
  { name: 'command-none', args: [] },
  { name: 'option-unknown', args: ['plan', '--directors', 'lb1'] },
  { name: 'format-unknown', args: ['plan', '--format', 'yaml'] },
  { name: 'parallelism-0', args: ['plan', '--parallelism', '0'] },
  { name: 'stack-unknown', args: ['apply', 'egde', '--auto-approve'] },
  { name: 'director-unknown', args: ['apply', '--director', 'lb9', '--auto-approve'] },
  { name: 'no-terminal', args: ['apply'] },
  { name: 'no-terminal-destroy', args: ['destroy'] },
  { name: 'app-and-from', args: ['plan', '--app', 'main.ts', '--from', 'cdktf.out'] },
  { name: 'app-missing', args: ['plan', '--app', 'nope.ts'] },
  { name: 'no-project', bare: true },
  { name: 'project-file-not-json', files: { 'cdktf.json': '{ app: main.ts }\n' } },
  { name: 'project-file-without-app', files: { 'cdktf.json': '{ "language": "typescript" }\n' } },
  { name: 'project-file-app-not-text', files: { 'cdktf.json': '{ "app": ["npx", "tsx", "main.ts"] }\n' } },
  { name: 'from-missing', args: ['plan', '--from', 'nope'] },
  { name: 'from-without-artefact', bare: true, files: { 'out/readme': 'hello\n' }, args: ['plan', '--from', 'out'] },
  {
    name: 'artefact-not-json',
    bare: true,
    files: { 'edge/cdk.tf.json': '{ "resource": \n' },
    args: ['plan', '--from', 'edge/cdk.tf.json'],
  },
  {
    name: 'artefact-not-terraform',
    bare: true,
    files: { 'edge/cdk.tf.json': '{ "resources": [] }\n' },
    args: ['plan', '--from', 'edge'],
  },
  {
    name: 'artefact-unknown-argument',
    bare: true,
    files: {
      'edge/cdk.tf.json': JSON.stringify({
        provider: { ipvs: [{ directors: { lb1: { host: 'lb1' } } }] },
        resource: {
          ipvs_virtual_service: {
            web: { director: 'lb1', protocol: 'tcp', address: '192.0.2.1', port: 80, real_server: {} },
          },
        },
      }),
    },
    args: ['plan', '--from', 'edge'],
  },
  { name: 'read-missing', bare: true, args: ['read', 'nope.txt'] },
  { name: 'read-folder', bare: true, files: { 'out/readme': 'hello\n' }, args: ['read', 'out'] },
  { name: 'read-garbage', bare: true, args: ['read', '-'], stdin: 'hello\nworld\n' },
  { name: 'read-names', bare: true, args: ['read', '-'], stdin: NAMES },
  { name: 'read-proc', bare: true, args: ['read', '-'], stdin: PROC },
  { name: 'read-torn', bare: true, args: ['read', '-'], stdin: TORN },
  {
    name: 'read-unknown-option',
    bare: true,
    args: ['read', '-'],
    stdin: '-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1 --quantum 3\n',
  },
  { name: 'import-nothing', bare: true, args: ['import'] },
  { name: 'import-unreachable', bare: true, ssh: 'Host lb1\n  Port 1\n', args: ['import', 'root@lb1'] },
  { name: 'import-bad-name', bare: true, args: ['import', 'root@lb1', '--name', 'my director'] },
  { name: 'import-onto-a-file', args: ['import', 'lb1', '--out', 'main.ts'] },
  { name: 'import-file-missing', bare: true, args: ['import', '--file', 'nope'] },
  { name: 'import-file-garbage', bare: true, files: { rules: 'hello\n' }, args: ['import', '--file', 'rules'] },
  { name: 'import-port', bare: true, args: ['import', 'root@lb1', '--port', 'ssh'] },
  { name: 'init-over-files', args: ['init', '.'] },
  { name: 'init-onto-a-file', args: ['init', 'main.ts'] },
  { name: 'sim-port', bare: true, args: ['sim', '--port', 'PORT'] },
  { name: 'sim-user', bare: true, args: ['sim', '--user', 'lvs form'] },
  { name: 'sim-directors', bare: true, args: ['sim', '--directors', 'many'] },
];
