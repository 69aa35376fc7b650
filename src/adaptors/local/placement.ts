/** Whether this machine is one that the description asks for; what cannot be had here is refused before submission. */
import { arch, availableParallelism, hostname, platform } from 'node:os';

import { BadParameter } from '../../saga/core/exceptions.js';
import type { JobSpec } from '../../saga/spi/job.js';

/** The names of a processor in JSDL (GFD.136 section 5.1.2) and in use, by Node's name. */
const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x64: ['x86_64', 'x64', 'amd64'],
  arm64: ['arm64', 'aarch64', 'arm'],
  ia32: ['x86_32', 'x86', 'i386', 'i686'],
  arm: ['arm'],
  ppc64: ['powerpc', 'ppc64', 'ppc64le'],
  s390x: ['s390x'],
  riscv64: ['riscv64'],
};

/** The names of an operating system in JSDL (GFD.136 section 5.1.1) and in use, by Node's name. */
const SYSTEMS: Readonly<Record<string, readonly string[]>> = {
  linux: ['LINUX'],
  darwin: ['MACOS', 'MACOSX', 'DARWIN'],
  freebsd: ['FREEBSD'],
  openbsd: ['OPENBSD'],
};

/** More processes than a machine starts on purpose. */
const MOST_PROCESSES = 10_000;

/** @throws BadParameter naming the attribute, what it asks for, and what this machine has. */
export function checkPlacement(spec: JobSpec): void {
  const here = hostname().toLowerCase();
  const names = ['localhost', '127.0.0.1', here, here.split('.', 1)[0] ?? here];
  requireOne('CandidateHosts', spec.candidateHosts, names, here);
  requireOne('CPUArchitecture', spec.cpuArchitecture, ARCHITECTURES[arch()] ?? [], arch());
  requireOne('OperatingSystemType', spec.operatingSystemType, SYSTEMS[platform()] ?? [], platform());
  checkNumbers(spec);
}

/** One of the wanted names must be one of this machine's; upper and lower case are the same. */
function requireOne(
  attribute: string,
  wanted: readonly string[] | undefined,
  has: readonly string[],
  shown: string,
): void {
  if (!wanted || wanted.length === 0) return;
  const known = has.map((name) => name.toLowerCase());
  if (wanted.some((name) => known.includes(name.toLowerCase()))) return;
  throw new BadParameter(
    `${attribute} asks for ${wanted.join(', ')}, but this machine is ${shown}; jobs run here only`,
  );
}

function checkNumbers({ totalCPUCount = 1, processesPerHost = 1, numberOfProcesses = 1 }: JobSpec): void {
  if (numberOfProcesses > MOST_PROCESSES) {
    throw new BadParameter(
      `NumberOfProcesses asks for ${String(numberOfProcesses)}; a local job has at most ${String(MOST_PROCESSES)}`,
    );
  }
  const cpus = availableParallelism();
  if (totalCPUCount > cpus) {
    throw new BadParameter(`TotalCPUCount asks for ${String(totalCPUCount)} CPUs; this machine has ${String(cpus)}`);
  }
  // The default of 1 says nothing; any other number must do on the one host that there is.
  if (processesPerHost > 1 && processesPerHost < numberOfProcesses) {
    throw new BadParameter(
      `ProcessesPerHost ${String(processesPerHost)} would need several hosts for ${String(numberOfProcesses)} processes; ` +
        'this service has one',
    );
  }
}
