import { describe, expect, test } from '@jest/globals';

import * as saga from '../../src/index.js';
import { specOf } from '../../src/saga/job/job-description.js';
import { rule } from '../support/rules.js';

describe('JobDescription', () => {
  rule(169, 'the lists of GFD.90 are vectors, all other attributes scalars', () => {
    const jd = new saga.JobDescription();
    const vectors = [
      'Arguments',
      'Environment',
      'FileTransfer',
      'CPUArchitecture',
      'OperatingSystemType',
      'CandidateHosts',
      'JobContact',
    ];
    for (const key of vectors) expect(jd.attributeIsVector(key)).toBe(true);
    const scalars = ['Executable', 'SPMDVariation', 'NumberOfProcesses', 'Interactive', 'Queue', 'WallTimeLimit'];
    for (const key of scalars) expect(jd.attributeIsVector(key)).toBe(false);
  });

  rule(170, 'defaults show without being set', () => {
    const jd = new saga.JobDescription();
    const defaults = ['TotalCPUCount', 'NumberOfProcesses', 'ProcessesPerHost', 'ThreadsPerProcess'];
    for (const key of defaults) expect(jd.getAttribute(key)).toBe('1');
    expect(jd.getAttribute('WorkingDirectory')).toBe('.');
    expect(jd.getAttribute('Interactive')).toBe('False');
    expect(jd.getAttribute('Cleanup')).toBe('Default');
    expect(jd.numberOfProcesses).toBe(1);
    expect(jd.interactive).toBe(false);
  });

  rule(171, 'Environment entries are NAME=value; an object is taken too', () => {
    const jd = new saga.JobDescription({ environment: { A: '1', B: 'x=y' } });
    expect(jd.getVectorAttribute('Environment')).toEqual(['A=1', 'B=x=y']);
    expect(() => {
      jd.setVectorAttribute('Environment', ['novalue']);
    }).toThrow(/Environment.*NAME=value/);
    expect(() => {
      jd.setVectorAttribute('Environment', ['=value']);
    }).toThrow(saga.BadParameter);
  });

  rule(176, 'a description has no session', () => {
    expect(() => new saga.JobDescription().getSession()).toThrow(saga.DoesNotExist);
  });

  test('a clone shares nothing', () => {
    const jd = new saga.JobDescription({ executable: 'a', arguments: ['1'] });
    const copy = jd.clone();
    copy.executable = 'b';
    expect(jd.executable).toBe('a');
    expect(copy.arguments).toEqual(['1']);
    expect(copy.getId()).not.toBe(jd.getId());
    expect(copy).toBeInstanceOf(saga.JobDescription);
  });

  test('misspelled and malformed attributes are refused by name', () => {
    expect(() => new saga.JobDescription({ exectuable: 'x' } as object)).toThrow(/exectuable/);
    expect(() => new saga.JobDescription({ numberOfProcesses: -1 })).toThrow(/NumberOfProcesses/);
    expect(() => new saga.JobDescription({ numberOfProcesses: 1.5 })).toThrow(/NumberOfProcesses/);
    expect(() => new saga.JobDescription({ executable: 7 } as object)).toThrow(/Executable/);
    expect(() => new saga.JobDescription({ arguments: 'a b' } as object)).toThrow(/Arguments/);
    expect(() => new saga.JobDescription({ arguments: ['nul\0'] })).toThrow(/Arguments.*NUL/s);
    expect(() => new saga.JobDescription({ environment: { A: 1 } } as object)).toThrow(/Environment/);
    expect(() => new saga.JobDescription({ cleanup: 'Maybe' })).toThrow(/Cleanup/);
    expect(() => new saga.JobDescription({ dependencies: [{ type: 'before', job: 'x' }] } as object)).toThrow(
      /Dependencies/,
    );
  });

  test('structured attributes have a string form', () => {
    const jd = new saga.JobDescription({
      native: { slurm: { qos: 'debug' } },
      checkpointRequirements: { sockets: true },
    });
    expect(jd.getAttribute('Native')).toBe('{"slurm":{"qos":"debug"}}');
    jd.setAttribute('CheckpointRequirements', '{"multiThread":false}');
    expect(jd.checkpointRequirements).toEqual({ multiThread: false });
    expect(() => {
      jd.setAttribute('Native', '[]');
    }).toThrow(saga.BadParameter);
  });

  test('only what was set is handed to an adaptor', () => {
    const jd = new saga.JobDescription({ executable: 'x', numberOfProcesses: 2, interactive: true });
    expect(specOf(jd)).toEqual({ executable: 'x', numberOfProcesses: 2, interactive: true });
  });
});
