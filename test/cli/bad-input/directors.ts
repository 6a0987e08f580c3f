/** Directors that can't be reached, or whose tools can't be used. */
import { GOOD, type BadCase } from './case';

const OTHER_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q';

const sudoProgram = `const sudo = new Director(edge, 'lb2', { host: 'lb2', sudo: true });
sudo.addService('web', { listen: http }).addRealServer('rs1', { address: '10.0.0.1' });`;

export const UNUSABLE: readonly BadCase[] = [
  { name: 'unreachable', ssh: 'Host lb1\n  Port 1\n' },
  { name: 'unreachable-one-of-two', ssh: 'Host lb1\n  Port 1\n', program: `${GOOD}\n${sudoProgram}` },
  { name: 'unreachable-plan', ssh: 'Host lb1\n  Port 1\n', args: ['plan'] },
  { name: 'unreachable-show', ssh: 'Host lb1\n  Port 1\n', args: ['show'] },
  { name: 'host-key-unknown', ssh: 'Host lb1\n  UserKnownHostsFile HOME/.ssh/known_hosts\n' },
  {
    name: 'host-key-wrong-in-known-hosts',
    ssh: 'Host lb1\n  UserKnownHostsFile TMP/CASE/known_hosts\n',
    files: { known_hosts: `[127.0.0.1]:PORT ${OTHER_KEY}\n` },
  },
  {
    name: 'host-key-wrong-on-director',
    program: `new Director(edge, 'lb2', { host: 'lb2', hostKey: '${OTHER_KEY}' }).addService('web', { listen: http });`,
  },
  {
    name: 'host-key-of-no-form',
    program: "new Director(edge, 'lb2', { host: 'lb2', hostKey: 'SHA256:abc' });",
  },
  { name: 'login-refused', ssh: 'Host lb1\n  User nobody\n' },
  {
    name: 'identity-file-missing',
    program:
      "new Director(edge, 'lb2', { host: 'lb2', identityFile: '~/.ssh/nope' }).addService('web', { listen: http });",
  },
  { name: 'ssh-config-missing', args: ['apply', '--auto-approve', '--ssh-config', 'nope'] },
  { name: 'ssh-config-wrong', ssh: 'Host lb1\n  Port ssh\n' },
  { name: 'no-sudo-right', directors: 'any user', program: sudoProgram },
  { name: 'sudo-needed', directors: 'sudo' },
  { name: 'no-ip-vs-module', directors: 'no module' },
  { name: 'no-ipvsadm', directors: 'no ipvsadm' },
  { name: 'no-ipvsadm-sudo', directors: 'no ipvsadm', program: sudoProgram },
  {
    name: 'no-iptables-but-marks',
    directors: 'no iptables',
    program: "lb1.addService('web', { listen: http.marked(12) }).addRealServer('rs1', { address: '10.0.0.1' });",
  },
];
