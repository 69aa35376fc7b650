// The system packages that the tests use. They are installed only where that harms nobody: as root, on Debian, and not
// when XOSAGA_TEST_APT=0 forbids it; and what will be installed is told first.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const succeeds = (command, args, input = '') => spawnSync(command, args, { input }).status === 0;

/** What a test needs, how to see that it is there, and the Debian packages that bring it. */
const NEEDS = [
  {
    what: 'a C compiler, for the launcher of local jobs',
    packages: ['gcc', 'libc6-dev'],
    isThere: () => succeeds('cc', ['-x', 'c', '-fsyntax-only', '-'], '#include <stdlib.h>\n'),
  },
  {
    what: 'the shells in which the sh launcher must run',
    packages: ['bash', 'busybox', 'dash'],
    isThere: () => ['bash', 'busybox', 'dash'].every((shell) => succeeds('sh', ['-c', `command -v ${shell}`])),
  },
  {
    what: 'mpirun, which starts the processes of MPI jobs',
    packages: ['openmpi-bin'],
    isThere: () => succeeds('mpirun', ['--version']),
  },
];

const POLICY = '/usr/sbin/policy-rc.d';

/** Runs `action` while Debian packages may not start services. */
function withoutServices(action) {
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return action();
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}

function aptGet(...args) {
  const { status } = spawnSync('apt-get', ['-y', '-q', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return status === 0;
}

/** Installs what is missing, or says why it does not; the tests that need it then fail by their own message. */
export function ensureSystemPackages() {
  const missing = NEEDS.filter((need) => !need.isThere());
  if (missing.length === 0) return;
  const packages = missing.flatMap((need) => need.packages);
  for (const { what } of missing) console.log(`xosaga: the tests need ${what}`);

  const mayNot =
    process.env.XOSAGA_TEST_APT === '0'
      ? 'XOSAGA_TEST_APT=0 forbids it'
      : process.platform !== 'linux' || !existsSync('/etc/debian_version')
        ? 'this is no Debian'
        : process.getuid() !== 0
          ? 'only root can'
          : undefined;
  if (mayNot !== undefined) {
    console.log(`xosaga: not installing ${packages.join(' ')}: ${mayNot}`);
    return;
  }
  console.log(`xosaga: installing with apt-get: ${packages.join(' ')}`);
  const installed = withoutServices(
    () => aptGet('update') && aptGet('install', '--no-install-recommends', ...packages),
  );
  if (!installed) console.log('xosaga: apt-get failed, see above');
}
