/** Who runs lvsform, as far as it is known: for plan files, locks, ledgers and journals. */
import { spawnSync } from 'node:child_process';
import { hostname, userInfo } from 'node:os';
import type { Author } from './model';

/** Where lvsform runs. */
interface Place {
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** Login and machine, the commit of the program's folder, and the CI job when it is one. */
export function authorOf({ cwd, env }: Place): Author {
  const commit = commitOf(cwd, env);
  const job = jobOf(env);
  return {
    by: `${login(env)}@${hostname()}`,
    ...(commit === undefined ? {} : { commit }),
    ...(job === undefined ? {} : { job }),
  };
}

function login(env: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return given(env['USER']) ?? 'unknown';
  }
}

/** What git says, with `-dirty` for changes that are not committed; else what the CI says. */
function commitOf(cwd: string, env: NodeJS.ProcessEnv): string | undefined {
  // A pattern that excludes every tag leaves the commit.
  const git = spawnSync('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
  });
  const said = git.status === 0 ? git.stdout.trim() : '';
  return given(said) ?? given(env['GITHUB_SHA']) ?? given(env['CI_COMMIT_SHA']) ?? given(env['GIT_COMMIT']);
}

function jobOf(env: NodeJS.ProcessEnv): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  if (given(server) !== undefined && given(repository) !== undefined && given(run) !== undefined)
    return `${server ?? ''}/${repository ?? ''}/actions/runs/${run ?? ''}`;
  return given(env['CI_JOB_URL']) ?? given(env['BUILD_URL']);
}

function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
