import { inspect } from 'node:util';

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  asyncAttributed,
  attributed,
  attributeSetOf,
  type Attributes,
  type AsyncAttributes,
  type AttributeSpec,
  copyAttributes,
  dateCodec,
  formatTime,
  initialise,
  parseTime,
} from '../../src/saga/core/attributes.js';
import type { CallOptions } from '../../src/saga/core/call-options.js';
import {
  BadParameter,
  DoesNotExist,
  type ExceptionCategory,
  IncorrectState,
  PermissionDenied,
  SagaException,
} from '../../src/saga/core/exceptions.js';
import { rule } from '../support/rules.js';

const specs: readonly AttributeSpec[] = [
  { key: 'Executable', property: 'executable', type: 'String', description: 'what runs' },
  { key: 'Arguments', property: 'arguments', type: 'String', vector: true, description: 'its arguments' },
  { key: 'Count', property: 'count', type: 'Int', default: '1', minimum: 1, description: 'how many' },
  { key: 'Ratio', property: 'ratio', type: 'Float', description: 'a share' },
  { key: 'Weights', property: 'weights', type: 'Float', vector: true, description: 'shares' },
  { key: 'Hold', property: 'hold', type: 'Bool', description: 'whether to wait' },
  {
    key: 'Cleanup',
    property: 'cleanup',
    type: 'Enum',
    values: ['True', 'False', 'Default'],
    description: 'what stays',
  },
  { key: 'Start', property: 'start', type: 'Time', description: 'when' },
  { key: 'Go', property: 'go', type: 'Trigger', description: 'starts it' },
  { key: 'Password', property: 'password', type: 'String', secret: true, description: 'a secret' },
  { key: 'Created', property: 'created', type: 'Time', readonly: true, codec: dateCodec, description: 'since when' },
  { key: 'Hosts', property: 'hosts', type: 'String', vector: true, readonly: true, description: 'where' },
  {
    key: 'Native',
    property: 'native',
    type: 'String',
    description: 'structured',
    codec: {
      toText: (value) => JSON.stringify(value),
      fromText(text) {
        try {
          return JSON.parse(String(text)) as unknown;
        } catch {
          throw new BadParameter('takes JSON text');
        }
      },
    },
  },
];

interface Thing extends Attributes {
  executable: string | undefined;
  arguments: readonly string[] | undefined;
  count: number | undefined;
  ratio: number | undefined;
  weights: readonly number[] | undefined;
  hold: boolean | undefined;
  cleanup: string | undefined;
  start: number | undefined;
  password: string | undefined;
  readonly created: Date | undefined;
  readonly hosts: readonly string[] | undefined;
  native: Readonly<Record<string, unknown>> | undefined;
}
class Thing {
  constructor(init: Partial<Thing> | Record<string, unknown> = {}) {
    initialise(this, init);
  }
  clone(): Thing {
    const copy = new Thing();
    copyAttributes(this, copy);
    return copy;
  }
}
attributed(Thing, specs);

interface Bag extends Attributes {
  note: string | undefined;
}
class Bag {
  readonly kind = 'bag';
}
attributed(Bag, [{ key: 'Note', property: 'note', type: 'String', description: 'fixed' }], { extensible: true });

interface Remote extends AsyncAttributes {
  readonly executable: string | undefined;
}
class Remote {
  asked: (CallOptions | undefined)[] = [];
  protected refreshAttributes(options?: CallOptions): Promise<void> {
    this.asked.push(options);
    attributeSetOf(this).assign('Executable', `/bin/${String(this.asked.length)}`);
    return Promise.resolve();
  }
}
asyncAttributed(Remote, specs);

function caught(fn: () => unknown): SagaException {
  try {
    fn();
  } catch (e) {
    if (SagaException.is(e)) return e;
    throw e;
  }
  throw new Error('nothing was thrown');
}

function codeOf(fn: () => unknown): ExceptionCategory {
  return caught(fn).code;
}

describe('the string interface', () => {
  rule(82, 'keys and values are strings, vectors are lists of strings', () => {
    const thing = new Thing({ count: 3, arguments: ['a', ''], hold: false });
    expect(thing.getAttribute('Count')).toBe('3');
    expect(thing.getVectorAttribute('Arguments')).toEqual(['a', '']);
    expect(thing.getAttribute('Hold')).toBe('False');
    expect(() => {
      thing.setAttribute('Executable', 5 as unknown as string);
    }).toThrow('Thing attribute Executable takes a string, not 5');
    expect(
      codeOf(() => {
        thing.setVectorAttribute('Arguments', [1] as unknown as string[]);
      }),
    ).toBe('BadParameter');
    expect(
      codeOf(() => {
        thing.setAttribute(undefined as unknown as string, 'x');
      }),
    ).toBe('BadParameter');
  });

  test('a vector is copied on the way in and out', () => {
    const list = ['a'];
    const thing = new Thing();
    thing.setVectorAttribute('Arguments', list);
    list.push('b');
    thing.getVectorAttribute('Arguments').push('c');
    expect(thing.arguments).toEqual(['a']);
    expect(Object.isFrozen(thing.arguments)).toBe(true);
  });

  rule(83, 'Bool is exactly True or False', () => {
    const thing = new Thing();
    thing.setAttribute('Hold', 'True');
    expect(thing.hold).toBe(true);
    for (const bad of ['true', 'TRUE', '1', 'yes', '', ' True']) {
      expect(() => {
        thing.setAttribute('Hold', bad);
      }).toThrow("takes exactly 'True' or 'False'");
    }
  });

  rule(84, 'Time takes seconds since the epoch and the form of ctime', () => {
    const at = new Date(2024, 1, 3, 4, 5, 6).getTime() / 1000;
    expect(formatTime(at)).toBe('Sat Feb  3 04:05:06 2024');
    const thing = new Thing();
    thing.setAttribute('Start', 'Sat Feb  3 04:05:06 2024');
    expect(thing.start).toBe(at);
    thing.setAttribute('Start', '1700000000');
    expect(thing.start).toBe(1700000000);
    for (const bad of ['', 'soon', '1.5', '2024-02-03', 'Sun Feb  3 04:05:06 2024', 'Thu Feb 30 00:00:00 2024']) {
      expect(
        codeOf(() => {
          thing.setAttribute('Start', bad);
        }),
      ).toBe('BadParameter');
    }
    expect(
      codeOf(() => {
        thing.setAttribute('Start', 'Sat Feb  3 24:05:06 2024');
      }),
    ).toBe('BadParameter');
  });

  test('ctime form and seconds are inverses', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4102444800 }), (seconds) => {
        const back = parseTime(formatTime(seconds)) ?? NaN;
        // The hour that the end of summer time repeats is ambiguous in ctime.
        expect(formatTime(back)).toBe(formatTime(seconds));
      }),
    );
  });

  rule(85, 'Int, Float and Enum have the forms of %lld, %Lf and the literal', () => {
    const thing = new Thing({ count: 12, ratio: 0.5, cleanup: 'Default' });
    expect(thing.getAttribute('Count')).toBe('12');
    expect(thing.getAttribute('Ratio')).toBe('0.500000');
    expect(thing.getAttribute('Cleanup')).toBe('Default');
    thing.setAttribute('Ratio', '1e-3');
    expect(thing.ratio).toBe(0.001);
    thing.setAttribute('Go', '');
    expect(() => {
      thing.setAttribute('Go', 'x');
    }).toThrow('is a trigger and takes no value');
  });

  test('every number that a property takes is read back unchanged', () => {
    const thing = new Thing();
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: 1 }), (ratio, count) => {
        thing.ratio = ratio;
        thing.count = count;
        expect(thing.ratio === ratio).toBe(true);
        thing.setAttribute('Ratio', thing.getAttribute('Ratio'));
        expect(thing.ratio === ratio).toBe(true);
        expect(thing.count).toBe(count);
      }),
    );
  });

  rule(86, 'scalar calls on vectors and the reverse are IncorrectState', () => {
    const thing = new Thing({ executable: 'x', arguments: [] });
    expect(
      codeOf(() => {
        thing.setAttribute('Arguments', 'a');
      }),
    ).toBe('IncorrectState');
    expect(codeOf(() => thing.getAttribute('Arguments'))).toBe('IncorrectState');
    expect(
      codeOf(() => {
        thing.setVectorAttribute('Executable', ['a']);
      }),
    ).toBe('IncorrectState');
    expect(codeOf(() => thing.getVectorAttribute('Executable'))).toBe('IncorrectState');
    expect(() => {
      thing.setAttribute('Arguments', 'a');
    }).toThrow('use getVectorAttribute and setVectorAttribute');
    const bag = new Bag();
    bag.setVectorAttribute('Mine', ['a']);
    expect(
      codeOf(() => {
        bag.setAttribute('Mine', 'a');
      }),
    ).toBe('IncorrectState');
  });

  rule(87, 'the empty string is a value', () => {
    const thing = new Thing({ executable: 'x' });
    thing.setAttribute('Executable', '');
    expect(thing.attributeExists('Executable')).toBe(true);
    expect(thing.getAttribute('Executable')).toBe('');
    expect(thing.executable).toBe('');
  });

  rule(88, 'extensible objects get new attributes, others refuse unknown keys', () => {
    const bag = new Bag();
    bag.setAttribute('Mine', 'a');
    bag.setVectorAttribute('Many', ['a', 'b']);
    expect(bag.listAttributes()).toEqual(['Mine', 'Many']);
    expect(bag.attributeIsVector('Many')).toBe(true);
    expect(bag.attributeIsVector('Mine')).toBe(false);
    bag.removeAttribute('Mine');
    expect(bag.attributeExists('Mine')).toBe(false);
    expect(() => {
      new Thing().setAttribute('NumberOfThings', '1');
    }).toThrow(new DoesNotExist('Thing has no attribute "NumberOfThings"'));
  });

  rule(89, 'read-only attributes are neither set nor removed by the application', () => {
    const thing = new Thing();
    attributeSetOf(thing).assign('Hosts', ['a']);
    attributeSetOf(thing).assign('Created', '10');
    expect(
      codeOf(() => {
        thing.setVectorAttribute('Hosts', ['b']);
      }),
    ).toBe('PermissionDenied');
    expect(
      codeOf(() => {
        thing.removeAttribute('Hosts');
      }),
    ).toBe('PermissionDenied');
    expect(() => {
      (thing as { created: unknown }).created = new Date();
    }).toThrow(new PermissionDenied('Thing attribute Created is read-only: the implementation sets it'));
    expect(thing.hosts).toEqual(['a']);
    expect(thing.created).toEqual(new Date(10_000));
  });

  rule(90, 'a malformed or out-of-range value is BadParameter that names the problem', () => {
    const thing = new Thing();
    for (const bad of ['', '1.5', '0x1F', '1e3', ' 1', 'many']) {
      expect(() => {
        thing.setAttribute('Count', bad);
      }).toThrow('Thing attribute Count takes a whole decimal number');
    }
    expect(() => {
      thing.setAttribute('Count', '0');
    }).toThrow('Count takes a number that is at least 1, not "0"');
    expect(() => {
      thing.setAttribute('Count', '9007199254740993');
    }).toThrow('2^53');
    expect(() => {
      thing.setAttribute('Cleanup', 'maybe');
    }).toThrow('takes one of True, False, Default, not "maybe"');
    expect(() => {
      thing.setAttribute('Ratio', 'NaN');
    }).toThrow('finite');
    expect(() => {
      thing.setAttribute('Ratio', '1e999');
    }).toThrow('finite');
    expect(() => {
      thing.setVectorAttribute('Weights', ['1', 'x']);
    }).toThrow('finite decimal number, such as 1.5, not "x"');
    expect(() => {
      thing.setAttribute('Native', '{');
    }).toThrow('Thing attribute Native takes JSON text, not "{"');
    expect(
      codeOf(() => {
        thing.setAttribute('Count', 'x');
      }),
    ).toBe('BadParameter');
  });

  rule(91, 'get of a key that is unknown or not set is DoesNotExist', () => {
    const thing = new Thing();
    expect(codeOf(() => thing.getAttribute('Nothing'))).toBe('DoesNotExist');
    expect(() => thing.getAttribute('Executable')).toThrow(new DoesNotExist('Thing attribute Executable is not set'));
    expect(codeOf(() => thing.getVectorAttribute('Arguments'))).toBe('DoesNotExist');
  });

  rule(92, 'attributeExists never throws, the other questions do for unknown keys', () => {
    const thing = new Thing();
    expect(thing.attributeExists('Nothing')).toBe(false);
    expect(thing.attributeExists('Executable')).toBe(false);
    for (const ask of [
      'attributeIsReadonly',
      'attributeIsWritable',
      'attributeIsRemovable',
      'attributeIsVector',
    ] as const) {
      expect(codeOf(() => thing[ask]('Nothing'))).toBe('DoesNotExist');
      expect(typeof thing[ask]('Executable')).toBe('boolean');
    }
  });

  rule(93, 'read-only and writable are opposites', () => {
    const thing = new Thing();
    for (const { key } of specs) expect(thing.attributeIsReadonly(key)).toBe(!thing.attributeIsWritable(key));
    expect(thing.attributeIsReadonly('Hosts')).toBe(true);
    expect(thing.attributeIsWritable('Executable')).toBe(true);
    expect(thing.attributeIsRemovable('Hosts')).toBe(false);
    expect(thing.attributeIsRemovable('Executable')).toBe(true);
  });

  rule(94, 'removeAttribute takes scalars and vectors away; a default shows again', () => {
    const thing = new Thing({ executable: 'x', arguments: ['a'], count: 5 });
    for (const key of ['Executable', 'Arguments']) {
      thing.removeAttribute(key);
      expect(thing.attributeExists(key)).toBe(false);
      expect(
        codeOf(() => {
          thing.removeAttribute(key);
        }),
      ).toBe('DoesNotExist');
    }
    thing.removeAttribute('Count');
    expect(thing.count).toBe(1);
    expect(
      codeOf(() => {
        thing.removeAttribute('Nothing');
      }),
    ).toBe('DoesNotExist');
  });

  rule(95, 'listAttributes has what is set or has a default, and may be empty', () => {
    expect(new Bag().listAttributes()).toEqual([]);
    expect(new Thing({ hold: true }).listAttributes()).toEqual(['Count', 'Hold']);
  });

  rule([96, 97], 'findAttributes matches key and value, and any of the patterns', () => {
    const thing = new Thing({ executable: '/bin/date', cleanup: 'True', hold: true });
    expect(thing.findAttributes(['Executable'])).toEqual(['Executable']);
    expect(thing.findAttributes(['*=True'])).toEqual(['Hold', 'Cleanup']);
    expect(thing.findAttributes(['Cleanup=False', 'Exec*', 'Executable=/bin/*'])).toEqual(['Executable']);
    expect(thing.findAttributes(['Hold', 'Executable=*date'])).toEqual(['Executable', 'Hold']);
    expect(thing.findAttributes([])).toEqual([]);
    expect(thing.findAttributes(['Ratio'])).toEqual([]);
  });

  test('a value pattern may hold "="', () => {
    expect(new Thing({ executable: 'a=b' }).findAttributes(['Executable=a=b'])).toEqual(['Executable']);
  });

  rule(98, 'both patterns take shell wildcards; a malformed one is BadParameter', () => {
    const thing = new Thing({ executable: 'abc', hold: false });
    expect(thing.findAttributes(['{Hold,Exec*}=[a-c]?c'])).toEqual(['Executable']);
    expect(codeOf(() => thing.findAttributes(['[a']))).toBe('BadParameter');
    expect(codeOf(() => thing.findAttributes(['Executable={a']))).toBe('BadParameter');
    expect(codeOf(() => thing.findAttributes('Executable' as unknown as string[]))).toBe('BadParameter');
  });

  rule(99, 'one matching element makes a vector match', () => {
    const thing = new Thing({ arguments: ['-l', '/tmp'] });
    expect(thing.findAttributes(['Arguments=/t*'])).toEqual(['Arguments']);
    expect(thing.findAttributes(['Arguments=/x*'])).toEqual([]);
  });

  rule(100, 'a null vector is BadParameter, an empty one is legal', () => {
    const thing = new Thing();
    expect(() => {
      thing.setVectorAttribute('Arguments', null as unknown as string[]);
    }).toThrow(new BadParameter('Thing attribute Arguments takes a list of strings, not null'));
    thing.setVectorAttribute('Arguments', []);
    expect(thing.getVectorAttribute('Arguments')).toEqual([]);
    expect(thing.attributeExists('Arguments')).toBe(true);
  });

  rule(101, 'keys are case-sensitive; the error knows the right spelling', () => {
    const thing = new Thing({ executable: 'x' });
    expect(thing.attributeExists('executable')).toBe(false);
    expect(() => thing.getAttribute('executable')).toThrow('no attribute "executable", did you mean "Executable"?');
  });
});

describe('an extensible object', () => {
  const key = fc.constantFrom('A', 'B', 'C');
  const value = fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 3 }));

  test('behaves as a map whose entries keep being scalar or vector until they are removed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.option(value))), (steps) => {
        const bag = new Bag();
        const model = new Map<string, string | string[]>();
        for (const [at, next] of steps) {
          const before = model.get(at);
          const expected =
            next === null
              ? before === undefined && 'DoesNotExist'
              : before !== undefined && typeof before !== typeof next && 'IncorrectState';
          const step = (): void => {
            if (next === null) bag.removeAttribute(at);
            else if (typeof next === 'string') bag.setAttribute(at, next);
            else bag.setVectorAttribute(at, next);
          };
          if (expected) expect(codeOf(step)).toBe(expected);
          else {
            step();
            if (next === null) model.delete(at);
            else model.set(at, next);
          }
        }
        expect(bag.toJSON()).toEqual(Object.fromEntries(model));
        expect(bag.listAttributes().sort()).toEqual([...model.keys()].sort());
        expect(bag.findAttributes(['*']).sort()).toEqual([...model.keys()].sort());
      }),
    );
  });
});

describe('typed properties', () => {
  test('give undefined when unset, the default, or the typed value', () => {
    const thing = new Thing();
    expect(thing.executable).toBeUndefined();
    expect(thing.count).toBe(1);
    thing.weights = [1, 0.25];
    expect(thing.weights).toEqual([1, 0.25]);
    expect(thing.getVectorAttribute('Weights')).toEqual(['1.000000', '0.250000']);
    thing.native = { slurm: { qos: 'debug' } };
    expect(thing.getAttribute('Native')).toBe('{"slurm":{"qos":"debug"}}');
    expect(thing.native).toEqual({ slurm: { qos: 'debug' } });
    thing.native = undefined;
    expect(thing.attributeExists('Native')).toBe(false);
  });

  test.each<[keyof Thing, unknown, string]>([
    ['executable', 5, 'Thing attribute Executable takes a string, not 5'],
    ['executable', null, 'Thing attribute Executable takes a string, not null'],
    ['executable', ['a'], 'Thing attribute Executable takes a string, not a list'],
    ['arguments', 'a', 'Thing attribute Arguments takes a list, not "a"'],
    ['arguments', ['a', 1], 'Thing attribute Arguments takes a string, not a list'],
    ['count', '2', 'Thing attribute Count takes a whole number, not "2"'],
    ['count', 1.5, 'Thing attribute Count takes a whole number, not 1.5'],
    ['count', NaN, 'Thing attribute Count takes a whole number, not NaN'],
    ['count', 0, 'Thing attribute Count takes a number that is at least 1, not "0"'],
    ['ratio', Infinity, 'Thing attribute Ratio takes a finite number, not Infinity'],
    ['hold', 'True', 'Thing attribute Hold takes true or false, not "True"'],
    ['start', new Date(), 'Thing attribute Start takes whole seconds since 1970 (UTC)'],
    ['cleanup', 'maybe', 'Thing attribute Cleanup takes one of True, False, Default, not "maybe"'],
  ])('%s = %p is refused', (property, value, message) => {
    const error = caught(() => new Thing({ [property]: value }));
    expect(error.code).toBe('BadParameter');
    expect(error.message).toContain(message);
  });

  test('the constructor takes properties, SAGA keys and another object, and refuses what it does not know', () => {
    const thing = new Thing({ Executable: 'x', Arguments: ['a'], count: 2, hold: undefined });
    expect(thing.listAttributes()).toEqual(['Executable', 'Arguments', 'Count']);
    expect(new Thing(thing).toJSON()).toEqual(thing.toJSON());
    expect(() => new Thing({ excutable: 'x' })).toThrow('Thing has no property "excutable"');
    expect(() => new Thing({ EXECUTABLE: 'x' })).toThrow('did you mean "Executable"?');
  });

  test('a clone shares nothing', () => {
    const thing = new Thing({ executable: 'a', arguments: ['x'] });
    const copy = thing.clone();
    copy.executable = 'b';
    copy.arguments = [];
    expect(thing.executable).toBe('a');
    expect(thing.arguments).toEqual(['x']);
  });

  test('a class may have its own method, and a subclass more attributes', () => {
    class Special extends Thing {
      declare extra: number | undefined;
      override listAttributes(): string[] {
        return ['mine'];
      }
    }
    attributed(Special, [{ key: 'Extra', property: 'extra', type: 'Int', description: 'more' }]);
    const special = new Special({ executable: 'x', extra: 4 });
    expect(special.getAttribute('Extra')).toBe('4');
    expect(special.getAttribute('Executable')).toBe('x');
    expect(special.listAttributes()).toEqual(['mine']);
    expect(codeOf(() => new Thing().getAttribute('Extra'))).toBe('DoesNotExist');
  });
});

describe('what is shown', () => {
  const secret = 'hunter2-and-more';

  test('JSON and inspect give what is set by property, with secrets blotted out', () => {
    const thing = new Thing({ executable: 'x', count: 2, password: secret });
    expect(JSON.parse(JSON.stringify(thing))).toEqual({ executable: 'x', count: 2, password: '***' });
    expect(inspect(thing)).toBe("Thing { executable: 'x', count: 2, password: '***' }");
    expect(inspect([[[[thing]]]])).not.toContain(secret);
    expect(inspect(thing, { showHidden: true, depth: Infinity, getters: true, customInspect: true })).not.toContain(
      secret,
    );
    expect(inspect(thing, { showHidden: true, depth: Infinity, customInspect: false })).not.toContain(secret);
    expect(thing.password).toBe(secret);
  });

  test('errors about a secret do not tell it', () => {
    const thing = new Thing();
    const error = caught(() => {
      thing.password = [secret] as unknown as string;
    });
    expect(inspect(error)).not.toContain(secret);
    expect(error.message).toBe('Thing attribute Password takes a string');
  });

  test('a long value is cut in messages', () => {
    const { message } = caught(() => {
      new Thing().setAttribute('Count', 'x'.repeat(1000));
    });
    expect(message.length).toBeLessThan(200);
  });
});

describe('remote objects', () => {
  test('methods ask first, properties give what was last observed', async () => {
    const remote = new Remote();
    expect(remote.executable).toBeUndefined();
    const options = { signal: new AbortController().signal };
    await expect(remote.getAttribute('Executable', options)).resolves.toBe('/bin/1');
    expect(remote.asked).toEqual([options]);
    expect(remote.executable).toBe('/bin/1');
    await expect(remote.listAttributes()).resolves.toEqual(['Executable', 'Count']);
    await expect(remote.findAttributes(['Exec*'])).resolves.toEqual(['Executable']);
    await expect(remote.attributeExists('Nothing')).resolves.toBe(false);
    await expect(remote.attributeIsVector('Arguments')).resolves.toBe(true);
    expect(remote.asked).toHaveLength(5);
  });

  test('errors reject', async () => {
    const remote = new Remote();
    await expect(remote.getAttribute('Nothing')).rejects.toThrow(DoesNotExist);
    await expect(remote.setAttribute('Arguments', 'x')).rejects.toThrow(IncorrectState);
    await expect(remote.setVectorAttribute('Hosts', [])).rejects.toThrow(PermissionDenied);
    await expect(remote.removeAttribute('Created')).rejects.toThrow(DoesNotExist);
    await remote.setVectorAttribute('Arguments', ['x']);
    await expect(remote.getVectorAttribute('Arguments')).resolves.toEqual(['x']);
    await expect(remote.attributeIsReadonly('Hosts')).resolves.toBe(true);
    await expect(remote.attributeIsWritable('Hosts')).resolves.toBe(false);
    await expect(remote.attributeIsRemovable('Arguments')).resolves.toBe(true);
  });

  test('options stand last, where the call modes expect them', () => {
    const lengths = Object.entries(Object.getOwnPropertyDescriptors(Remote.prototype))
      .filter(([name]) => /^(set|get|remove|list|find|attribute)/.test(name))
      .map(([name, { value }]) => [name, (value as (...args: unknown[]) => unknown).length]);
    expect(Object.fromEntries(lengths)).toMatchObject({ setAttribute: 3, getAttribute: 2, listAttributes: 1 });
  });
});
