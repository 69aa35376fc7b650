/** The attributes of one object (GFD.90 section 3.8): which keys there are, what they hold, and the rules for both. */
import { inspect } from 'node:util';

import type { AttributeSchema, AttributeSpec } from './attribute-schema.js';
import { type AttributeValue, faultOf, textValue, typedValue } from './attribute-values.js';
import { BadParameter, DoesNotExist, IncorrectState, PermissionDenied, SagaException } from './exceptions.js';
import { wildcards } from './wildcards.js';

/**
 * The attributes of one object. `set...` and `remove` are what the application may do; `assign` and `unassign` are
 * for the implementation, and ignore read-only.
 */
export class AttributeSet {
  readonly schema: AttributeSchema;
  readonly #values: Map<string, AttributeValue>;

  constructor(schema: AttributeSchema, values: Iterable<readonly [string, AttributeValue]> = []) {
    this.schema = schema;
    this.#values = new Map(values);
  }

  set(key: string, value: string): void {
    if (typeof value !== 'string') throw this.#bad(key, 'takes a string', value);
    this.#put(key, value);
  }

  setVector(key: string, values: readonly string[]): void {
    if (!isStrings(values)) throw this.#bad(key, 'takes a list of strings', values);
    this.#put(key, values);
  }

  get(key: string): string {
    const value = this.#require(key);
    if (typeof value === 'string') return value;
    throw this.#mixUp(key, true);
  }

  getVector(key: string): string[] {
    const value = this.#require(key);
    if (typeof value !== 'string') return [...value];
    throw this.#mixUp(key, false);
  }

  /** Takes the value away; a default shows again. */
  remove(key: string): void {
    this.#require(key);
    this.#demandWritable(key);
    this.#values.delete(key);
  }

  /** The keys of the attributes that have a value, defaults too. */
  list(): string[] {
    const keys = this.schema.specs.map((spec) => spec.key).filter((key) => this.exists(key));
    for (const key of this.#values.keys()) if (!this.schema.find(key)) keys.push(key);
    return keys;
  }

  /** The keys that match any of the patterns `key-pattern[=value-pattern]`. */
  find(patterns: readonly string[]): string[] {
    if (!isStrings(patterns)) throw new BadParameter('findAttributes takes a list of patterns "key=value"');
    const matchers = patterns.map((pattern) => {
      const equals = pattern.indexOf('=');
      const matchesKey = wildcards(equals < 0 ? pattern : pattern.slice(0, equals));
      const matchesValue = equals < 0 ? undefined : wildcards(pattern.slice(equals + 1));
      return (key: string, values: readonly string[]) =>
        matchesKey(key) && (!matchesValue || values.some(matchesValue));
    });
    return this.list().filter((key) => {
      const values = [this.#require(key)].flat();
      return matchers.some((matches) => matches(key, values));
    });
  }

  exists(key: string): boolean {
    return this.value(key) !== undefined;
  }

  isReadonly(key: string): boolean {
    this.#known(key);
    return this.isLocked(key);
  }

  /** Whether only the implementation may set it; a class whose attributes change in this overrides it. */
  protected isLocked(key: string): boolean {
    return this.schema.find(key)?.readonly === true;
  }

  isWritable(key: string): boolean {
    return !this.isReadonly(key);
  }

  isRemovable(key: string): boolean {
    return !this.isReadonly(key);
  }

  isVector(key: string): boolean {
    return this.#holdsVector(key, this.#known(key));
  }

  /** What the attribute holds, or its default; undefined when there is neither. */
  value(key: string): AttributeValue | undefined {
    return this.#values.get(key) ?? this.schema.find(key)?.default;
  }

  /** Sets the attribute whether it is read-only or not: for the implementation. */
  assign(key: string, value: AttributeValue): void {
    const spec = this.#known(key, true);
    this.#check(key, spec, value);
    this.#values.set(key, typeof value === 'string' ? value : Object.freeze([...value]));
  }

  /** Takes the value away whether the attribute is read-only or not: for the implementation. */
  unassign(key: string): void {
    this.#values.delete(key);
  }

  /** What the typed property of the attribute gives. */
  read(spec: AttributeSpec): unknown {
    const value = this.value(spec.key);
    if (value === undefined) return undefined;
    if (spec.codec) return spec.codec.fromText(value);
    if (typeof value === 'string') return typedValue(spec.type, value);
    return spec.type === 'String' || spec.type === 'Enum' ? value : value.map((each) => typedValue(spec.type, each));
  }

  /** Sets the attribute from what was written to its typed property; undefined removes it. */
  write(spec: AttributeSpec, value: unknown): void {
    this.#demandWritable(spec.key);
    if (value === undefined) this.#values.delete(spec.key);
    else this.assign(spec.key, this.#toText(spec, value));
  }

  /** What was set, without the defaults. */
  entries(): IterableIterator<[string, AttributeValue]> {
    return this.#values.entries();
  }

  clone(): AttributeSet {
    return new AttributeSet(this.schema, this.#values);
  }

  /** Whether both have the same attributes with the same values, defaults counted. */
  equals(other: AttributeSet): boolean {
    const keys = this.list();
    return (
      keys.length === other.list().length &&
      keys.every((key) => JSON.stringify(this.value(key)) === JSON.stringify(other.value(key)))
    );
  }

  /** What was set, by property and typed, with secrets blotted out: for JSON and for people. */
  describe(): Record<string, unknown> {
    const shown: Record<string, unknown> = {};
    for (const key of this.list().filter((each) => this.#values.has(each))) {
      const spec = this.schema.find(key);
      if (!spec) shown[key] = this.value(key);
      else shown[spec.property] = spec.secret ? '***' : this.read(spec);
    }
    return shown;
  }

  #put(key: string, value: AttributeValue): void {
    const spec = this.#known(key, true);
    const vector = this.#holdsVector(key, spec, typeof value !== 'string');
    if (vector !== (typeof value !== 'string')) throw this.#mixUp(key, vector);
    this.#demandWritable(key);
    this.assign(key, value);
  }

  #toText(spec: AttributeSpec, value: unknown): AttributeValue {
    if (spec.vector && !spec.codec && !Array.isArray(value)) throw this.#bad(spec.key, 'takes a list', value);
    try {
      if (spec.codec) return spec.codec.toText(value);
      if (spec.vector) return (value as unknown[]).map((each) => textValue(spec.type, each));
      return textValue(spec.type, value);
    } catch (e) {
      throw this.#explained(spec.key, value, e);
    }
  }

  #check(key: string, spec: AttributeSpec | undefined, value: AttributeValue): void {
    if (!spec) return;
    for (const each of [value].flat()) {
      const fault = faultOf(spec.type, each, spec);
      if (fault) throw this.#bad(key, fault, each);
    }
    try {
      spec.codec?.fromText(value);
    } catch (e) {
      throw this.#explained(key, value, e);
    }
  }

  /**
   * A codec's or converter's complaint, which lacks the attribute's name; anything else is a bug and passes. It says what
   * the attribute takes, and is told what was given; or it says what is wrong, and there is nothing to add.
   */
  #explained(key: string, value: unknown, e: unknown): unknown {
    if (!SagaException.is(e) || e.code !== 'BadParameter') return e;
    if (e.message.startsWith('takes ')) return this.#bad(key, e.message, value);
    return new BadParameter(`${this.#name(key)}: ${e.message}`);
  }

  #holdsVector(key: string, spec: AttributeSpec | undefined, otherwise = false): boolean {
    if (spec) return spec.vector === true;
    const value = this.#values.get(key);
    return value === undefined ? otherwise : typeof value !== 'string';
  }

  /** The attribute's spec; undefined for one that the application created. */
  #known(key: string, creating = false): AttributeSpec | undefined {
    const spec = this.schema.find(key);
    if (spec) return spec;
    if (typeof key !== 'string' || key === '') throw new BadParameter('an attribute key is a string that is not empty');
    if (this.#values.has(key) || (creating && this.schema.extensible)) return undefined;
    throw new DoesNotExist(`${this.schema.className} has no attribute "${key}"${this.schema.suggestion(key)}`);
  }

  #require(key: string): AttributeValue {
    this.#known(key);
    const value = this.value(key);
    if (value !== undefined) return value;
    throw new DoesNotExist(`${this.#name(key)} is not set`);
  }

  #demandWritable(key: string): void {
    if (!this.isLocked(key)) return;
    throw new PermissionDenied(`${this.#name(key)} is read-only: the implementation sets it`);
  }

  #mixUp(key: string, vector: boolean): IncorrectState {
    return new IncorrectState(
      vector
        ? `${this.#name(key)} is a vector: use getVectorAttribute and setVectorAttribute`
        : `${this.#name(key)} is a scalar: use getAttribute and setAttribute`,
    );
  }

  #bad(key: string, fault: string, value: unknown): BadParameter {
    const given = this.schema.find(key)?.secret ? '' : `, not ${shorten(value)}`;
    return new BadParameter(`${this.#name(key)} ${fault}${given}`);
  }

  #name(key: string): string {
    return `${this.schema.className} attribute ${key}`;
  }
}

function isStrings(values: unknown): values is readonly string[] {
  return Array.isArray(values) && values.every((each) => typeof each === 'string');
}

/** A value for a message: short, on one line, and never the insides of an object. */
function shorten(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) {
    const odd: unknown = value.find((each) => typeof each !== 'string');
    return odd === undefined || Array.isArray(odd) ? 'a list' : `a list with ${shorten(odd)} in it`;
  }
  if (typeof value === 'object' || typeof value === 'function') return `a value of type ${typeof value}`;
  const text = typeof value === 'string' ? JSON.stringify(value) : inspect(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
