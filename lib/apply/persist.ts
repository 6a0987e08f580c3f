/** Reading and writing what a director loads at boot. */
import {
  bootJob,
  bootReadScript,
  type BootRequest,
  type BootStep,
  bootWriteScript,
  DEBIAN_SETTINGS,
  isIdle,
  parseBootOutcome,
  parseBootState,
} from '../dialect';
import { type BootState, type DistributionRules, RECORDS_FOLDER, TransportError } from '../model';
import type { DirectorAccess } from './fetch';

/**
 * Reads what a director does at boot, in one remote execution and without root.
 *
 * @throws TransportError, ParseError
 */
export async function readBoot(access: DirectorAccess, stack: string): Promise<BootState> {
  const nonce = access.nonce();
  const result = await access.runner.run(bootReadScript({ nonce, sudo: access.sudo }));
  return parseBootState(result.stdout, nonce, stack);
}

const SWITCH_HINT =
  'switch the loading of the file on or off as root, once (ipvsadm.service, and on Debian AUTO in /etc/default/ipvsadm): docs/boot.md says how';

const HINTS: Readonly<Record<BootStep, string>> = {
  own: `give the login a folder of its own, as root: install -d -m 700 -o LOGIN ${RECORDS_FOLDER}`,
  unit: 'install and enable lvsform-boot.service as root, once: docs/boot.md says how',
  rules: 'let the login write that one file, in /etc/sudoers.d/lvsform: docs/boot.md has the lines',
  switch: SWITCH_HINT,
  'leave-unit': 'remove lvsform-boot.service as root',
};

const SUBJECTS: Readonly<Record<BootStep, string>> = {
  own: `its file in ${RECORDS_FOLDER}`,
  unit: 'lvsform-boot.service',
  rules: "the distribution's file of rules",
  switch: "the switch of the distribution's file of rules",
  'leave-unit': 'lvsform-boot.service',
};

const FORBIDDEN =
  /permission denied|not permitted|password is required|not allowed to|terminal is required|may not run|access denied/i;

/**
 * Writes boot files: all of them, or none when there is no room or no permission.
 *
 * @param request see renderBoot and renderUnboot; does nothing for one that asks for nothing
 * @returns false when everything was removed but the unit, which needs root and does nothing any more
 * @throws TransportError `no-permission` with what root has to do; `command-failed`
 */
export async function persistTable(access: DirectorAccess, request: BootRequest): Promise<boolean> {
  if (isIdle(request)) return true;
  const nonce = access.nonce();
  const { job, stdin } = bootJob(request, nonce);
  const result = await access.runner.run(bootWriteScript(job, { nonce, sudo: access.sudo }), { stdin });
  const outcome = parseBootOutcome(result.stdout, nonce);
  if (outcome === 'done') {
    await checkSwitch(access, request);
    return true;
  }
  if (outcome === 'truncated') {
    throw new TransportError('connection-lost', access.name, 'the connection ended while boot files were being sent');
  }
  const { refused, words } = outcome;
  if (refused === 'leave-unit') return false;
  const forbidden = FORBIDDEN.test(words);
  throw new TransportError(
    forbidden ? 'no-permission' : 'command-failed',
    access.name,
    `${SUBJECTS[refused]} could not be written: ${words.replaceAll('\n', '; ')}`,
    forbidden ? { hint: HINTS[refused] } : {},
  );
}

const LACKING: Readonly<Record<DistributionRules['lacks'][number], string>> = {
  setting: `${DEBIAN_SETTINGS} does not say AUTO=true, or this login may not read it`,
  unit: 'nothing starts ipvsadm.service',
};

/** A switch that was accepted and has no effect would be asked for by every apply anew. @throws TransportError `command-failed` */
async function checkSwitch(access: DirectorAccess, { record, rulesSwitch, startRules }: BootRequest): Promise<void> {
  const asked: Partial<Record<keyof typeof LACKING, boolean>> = {
    ...(rulesSwitch === undefined ? {} : { [rulesSwitch.layout === 'rhel' ? 'unit' : 'setting']: rulesSwitch.on }),
    ...(startRules === undefined ? {} : { unit: startRules }),
  };
  if (Object.keys(asked).length === 0) return;
  const { rules } = await readBoot(access, record);
  const lacks = rules?.lacks ?? [];
  const path = rules?.path ?? "the distribution's file of rules";
  const wrong = (['setting', 'unit'] as const).filter((part) => asked[part] === lacks.includes(part));
  if (wrong.length === 0) return;
  const message = wrong.some((part) => asked[part])
    ? `${path} is still not loaded at boot, though that was switched on: ${wrong.map((part) => LACKING[part]).join('; ')}`
    : `${path} is still loaded at boot, though that was switched off`;
  throw new TransportError('command-failed', access.name, message, { hint: SWITCH_HINT });
}
