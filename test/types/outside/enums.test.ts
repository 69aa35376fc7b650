import { describe, expect, test } from '@jest/globals';
import * as saga from '../../../src/index.js';
import type { Same } from '../../support/types.js';

/** Names and values that applications have compiled in, and that stand in records and on the wire: they never change. */
const FIXED = {
  ExceptionCategory: {
    IncorrectURL: 'IncorrectURL',
    BadParameter: 'BadParameter',
    AlreadyExists: 'AlreadyExists',
    DoesNotExist: 'DoesNotExist',
    IncorrectState: 'IncorrectState',
    IncorrectType: 'IncorrectType',
    PermissionDenied: 'PermissionDenied',
    AuthorizationFailed: 'AuthorizationFailed',
    AuthenticationFailed: 'AuthenticationFailed',
    Timeout: 'Timeout',
    NoSuccess: 'NoSuccess',
    NotImplemented: 'NotImplemented',
  },
  TaskState: { New: 1, Running: 2, Done: 3, Canceled: 4, Failed: 5 },
  TaskMode: { Sync: 'Sync', Async: 'Async', Task: 'Task' },
  WaitMode: { All: 0, Any: 1 },
  JobState: {
    New: 1,
    Running: 2,
    Done: 3,
    Canceled: 4,
    Failed: 5,
    Suspended: 6,
    Checkpointing: 7,
    Recovering: 8,
  },
  Permission: { None: 0, Query: 1, Read: 2, Write: 4, Exec: 8, Owner: 16, All: 31 },
  MetricMode: { ReadOnly: 'ReadOnly', ReadWrite: 'ReadWrite', Final: 'Final' },
  AttributeType: {
    String: 'String',
    Int: 'Int',
    Enum: 'Enum',
    Float: 'Float',
    Bool: 'Bool',
    Time: 'Time',
    Trigger: 'Trigger',
  },
  ObjectType: {
    Exception: 1,
    URL: 2,
    Buffer: 3,
    Session: 4,
    Context: 5,
    Task: 6,
    TaskContainer: 7,
    Metric: 8,
    NSEntry: 9,
    NSDirectory: 10,
    IOVec: 11,
    File: 12,
    Directory: 13,
    LogicalFile: 14,
    LogicalDirectory: 15,
    JobDescription: 16,
    JobService: 17,
    Job: 18,
    JobSelf: 19,
    StreamService: 20,
    Stream: 21,
    Parameter: 22,
    RPC: 23,
  },
  SeekMode: { Start: 1, Current: 2, End: 3 },
  Flags: {
    None: 0,
    Overwrite: 1,
    Recursive: 2,
    Dereference: 4,
    Create: 8,
    Exclusive: 16,
    Lock: 32,
    CreateParents: 64,
    Truncate: 128,
    Append: 256,
    Read: 512,
    Write: 1024,
    ReadWrite: 1536,
    Binary: 2048,
  },
} as const;

type Enums = Pick<typeof saga, keyof typeof FIXED>;
type Value<E> = E[keyof E];

describe('the enumerations', () => {
  test.each(Object.entries(FIXED))('%s has its names and values', (name, values) => {
    expect(saga[name as keyof typeof FIXED]).toEqual(values);
  });

  test('are literal types, as values and as types of the same name', () => {
    const proofs: [
      { [E in keyof Enums]: Same<Enums[E], (typeof FIXED)[E]> },
      Same<saga.ExceptionCategory, keyof (typeof FIXED)['ExceptionCategory']>,
      Same<saga.TaskState, 1 | 2 | 3 | 4 | 5>,
      Same<saga.TaskMode, 'Sync' | 'Async' | 'Task'>,
      Same<saga.WaitMode, 0 | 1>,
      Same<saga.JobState, 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8>,
      Same<saga.Permission, 0 | 1 | 2 | 4 | 8 | 16 | 31>,
      Same<saga.MetricMode, 'ReadOnly' | 'ReadWrite' | 'Final'>,
      Same<saga.AttributeType, keyof (typeof FIXED)['AttributeType']>,
      Same<saga.ObjectType, Value<(typeof FIXED)['ObjectType']>>,
      Same<saga.SeekMode, 1 | 2 | 3>,
      Same<saga.Flags, Value<(typeof FIXED)['Flags']>>,
    ] = [
      {
        ExceptionCategory: true,
        TaskState: true,
        TaskMode: true,
        WaitMode: true,
        JobState: true,
        Permission: true,
        MetricMode: true,
        AttributeType: true,
        ObjectType: true,
        SeekMode: true,
        Flags: true,
      },
      true,
      true,
      true,
      true,
      true,
      true,
      true,
      true,
      true,
      true,
      true,
    ];
    const [names, ...types] = proofs;
    expect([...Object.values(names), ...types]).not.toContain(false);
  });
});
