/** What the attributes of a class are: keys, types, defaults (GFD.90 section 3.8). */
import { type AttributeType, type AttributeValue, typedValue } from './attribute-values.js';
import { BadParameter } from './exceptions.js';

/** One attribute of a class. */
export interface AttributeSpec {
  /** The SAGA name: `NumberOfProcesses`. */
  readonly key: string;
  /** The name of the typed property: `numberOfProcesses`. */
  readonly property: string;
  readonly type: AttributeType;
  /** Whether it holds a list of values. */
  readonly vector?: boolean;
  /** Whether only the implementation sets it. */
  readonly readonly?: boolean;
  /** What it holds as long as it is not set. An attribute with a default always exists. */
  readonly default?: AttributeValue;
  /** The literals of an Enum. */
  readonly values?: readonly string[];
  /** The least number that it may hold. */
  readonly minimum?: number;
  /** What it means, in a few words. */
  readonly description: string;
  /** Whether what it holds must never be shown. */
  readonly secret?: boolean;
  /** For typed properties that are more than a string, number or boolean. */
  readonly codec?: AttributeCodec;
}

/** Converts a typed property that is more than a string, number or boolean: an object, a Date. */
export interface AttributeCodec {
  /** The string form; a list for a vector. Throws BadParameter with the end of a sentence: `takes ...`. */
  toText(value: unknown): AttributeValue;
  /** The typed form. Throws the same way on a string form that is malformed, which is how `setAttribute` checks it. */
  fromText(text: AttributeValue): unknown;
}

/** The codec of Time attributes whose property is a `Date`. */
export const dateCodec: AttributeCodec = {
  toText(value) {
    const time = Object.prototype.toString.call(value) === '[object Date]' ? (value as Date).getTime() : NaN;
    if (Number.isNaN(time)) throw new BadParameter('takes a valid Date');
    return String(Math.floor(time / 1000));
  },
  fromText(text) {
    return new Date(Number(typedValue('Time', String(text))) * 1000);
  },
};

/** The attributes that the objects of a class may have. */
export class AttributeSchema {
  readonly #byKey = new Map<string, AttributeSpec>();
  readonly #byProperty = new Map<string, AttributeSpec>();

  constructor(
    /** The class, as messages name it. */
    readonly className: string,
    readonly specs: readonly AttributeSpec[],
    /** Whether the application may create attributes that are not in `specs`. */
    readonly extensible = false,
  ) {
    for (const spec of specs) {
      this.#byKey.set(spec.key, spec);
      this.#byProperty.set(spec.property, spec);
    }
  }

  find(key: string): AttributeSpec | undefined {
    return this.#byKey.get(key);
  }

  byProperty(property: string): AttributeSpec | undefined {
    return this.#byProperty.get(property);
  }

  /** `, did you mean "X"?` when the key, or property, is misspelled in a usual way: case, underscores, one letter or two. */
  suggestion(name: string, form: 'key' | 'property' = 'key'): string {
    const plain = (each: string): string => each.replaceAll('_', '').toLowerCase();
    const near =
      this.specs.find((spec) => plain(spec.key) === plain(name)) ??
      this.specs.find((spec) => differByLittle(plain(spec.key), plain(name)));
    return near ? `, did you mean "${near[form]}"?` : '';
  }
}

/** Whether one letter is missing, too many or wrong, or two neighbours have changed places. */
function differByLittle(a: string, b: string): boolean {
  let from = 0;
  while (from < a.length && a[from] === b[from]) from++;
  const restA = a.slice(from);
  const restB = b.slice(from);
  const swapped = restB.charAt(1) + restB.charAt(0) + restB.slice(2);
  return restA.slice(1) === restB || restA === restB.slice(1) || restA.slice(1) === restB.slice(1) || restA === swapped;
}
