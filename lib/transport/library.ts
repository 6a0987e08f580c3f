/** The SSH library. A file of its own, loaded with the first connection: commands that never connect don't wait for it. */
import { NodeSSH } from 'node-ssh';
import ssh2 from 'ssh2';

export { NodeSSH, ssh2 };
