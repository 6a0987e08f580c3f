import type { Said } from '../dialect';
import { ApplyError, RECORDS_FOLDER } from '../model';

/** Why the director would not go on, as an error. Nothing was changed. */
export function netError(director: string, { word, rest }: Said): ApplyError {
  switch (word) {
    case 'no-folder':
      return new ApplyError('no-net', director, `${rest} can not write to ${RECORDS_FOLDER}: nothing was changed`, {
        hint: `as root there: install -d -m 700 -o ${rest} ${RECORDS_FOLDER}`,
      });
    case 'no-flock':
      return new ApplyError('no-net', director, 'it has no flock(1): nothing was changed', {
        hint: 'install util-linux there',
      });
    case 'no-room':
      return new ApplyError('no-net', director, `${RECORDS_FOLDER} can not be written (${rest}): is the disk full?`, {
        hint: `look at df ${RECORDS_FOLDER} there`,
      });
    case 'not-armed':
      return new ApplyError('no-net', director, "the dead man's switch did not start: nothing was changed", {
        hint: 'is there setsid, nohup, and a free process? --no-confirm applies without it',
      });
    case 'would-be-killed':
      return new ApplyError(
        'no-net',
        director,
        "systemd would kill the dead man's switch with the session (KillUserProcesses=yes): nothing was changed",
        { hint: `KillExcludeUsers=root ${rest} in /etc/systemd/logind.conf there, or --no-confirm` },
      );
    case 'busy':
      return new ApplyError('locked', director, 'something else of lvsform is changing it and does not end', {
        hint: `look there for processes that keep ${RECORDS_FOLDER}/work open`,
      });
    case 'lost':
      return new ApplyError('lock-lost', director, 'the lock was lost: nothing was changed since', {
        hint: 'the connection was silent for too long; apply again',
      });
    case 'other':
      return new ApplyError('interrupted', director, 'it stays as it is: another apply came after this one', {
        hint: 'run `lvsform plan` to see how it stands',
      });
    default:
      return new ApplyError('no-net', director, `it said ${word} ${rest}`);
  }
}
