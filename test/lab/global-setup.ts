/** Jest's global setup of the lab project: boots one lab for all workers. LVSFORM_LAB: 'off' never, 'require' or fail. */
import { REASON_VARIABLE, STATE_VARIABLE } from './lab';
import { bootVm, findBuild, SETUP, type Vm, whyNotUnattended } from './vm';

declare global {
  var lvsformLab: Vm | undefined;
}

export default async function setUpLab(): Promise<void> {
  if (process.env[STATE_VARIABLE]) return; // `test/lab/run` has one for us
  const reason = whyNot();
  if (reason !== undefined) {
    if (process.env['LVSFORM_LAB'] === 'require')
      throw new Error(`LVSFORM_LAB=require, but there is no kernel lab: ${reason}`);
    announce(reason);
    process.env[REASON_VARIABLE] = reason;
    return;
  }
  const vm = await bootVm();
  globalThis.lvsformLab = vm;
  process.env[STATE_VARIABLE] = vm.stateFile;
  process.stderr.write(
    `lab: ${vm.state.kernel} (${vm.state.acceleration}) ready after ${(vm.state.bootMs / 1000).toFixed(1)} s\n`,
  );
}

function whyNot(): string | undefined {
  if (process.env['LVSFORM_LAB'] === 'off') return 'LVSFORM_LAB=off';
  return findBuild() === undefined ? whyNotUnattended() : undefined;
}

function announce(reason: string): void {
  const bar = '!'.repeat(100);
  process.stderr.write(
    `\n${bar}\n!! KERNEL TESTS ARE SKIPPED: ${reason}.\n!! Enable them once, on a Debian machine, with:   sudo ${SETUP}\n` +
      `!! LVSFORM_LAB=require makes their absence an error.\n${bar}\n\n`,
  );
}
