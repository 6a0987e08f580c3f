/** test/lab/run [directors]: boots a lab, says how to use it, and stays until it is told to end. */
import { STATE_VARIABLE } from './lab';
import { bootVm } from './vm';

async function main(): Promise<void> {
  const { state, stateFile, stop } = await bootVm(Number(process.argv[2] ?? 16));
  const ssh = (port: number): string =>
    `ssh -p ${port} -i ${state.identityFile} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR root@127.0.0.1`;
  const [first] = Object.values(state.directors);
  process.stdout.write(
    [
      `Kernel ${state.kernel} (${state.acceleration}), ready after ${state.bootMs} ms. Console: ${state.runDir}/console.log`,
      '',
      `The guest:      ${ssh(state.control.port)}`,
      `Director d1:    ${ssh(first?.port ?? 0)}   (users root, lvsform, nosudo)`,
      `Other ports:    ${Object.entries(state.directors)
        .map(([name, { port }]) => `${name} ${port}`)
        .join(', ')}`,
      'In the guest:   lab lease d1 nft present; lab traffic d1; lab in d1 client /lab/probe scheme=http address=192.168.74.88 port=80 count=10',
      `Tests use it with:  ${STATE_VARIABLE}=${stateFile} npx jest --selectProjects lab`,
      '',
      'Ctrl-C ends it.',
      '',
    ].join('\n'),
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      stop();
      process.exit(0);
    });
  }
  setInterval(() => undefined, 1 << 30);
}

void main();
