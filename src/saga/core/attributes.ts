/**
 * The SAGA attribute interfaces (GFD.90 section 3.8) and the mixins that give them to a class, with a typed property
 * for each attribute beside them.
 */
import { AttributeSchema, type AttributeSpec } from './attribute-schema.js';
import { AttributeSet } from './attribute-set.js';
import type { CallOptions } from './call-options.js';
import { BadParameter } from './exceptions.js';
import { INSPECT, inspectAsJson } from './inspection.js';

export { type AttributeCodec, type AttributeSpec, dateCodec } from './attribute-schema.js';
export { AttributeSet } from './attribute-set.js';
export { AttributeType, formatTime, parseTime } from './attribute-values.js';

/** The attributes of a local object by their SAGA keys; every value is a string. */
export interface Attributes {
  /**
   * Sets a scalar. The empty string is a value: it does not remove the attribute.
   * @throws BadParameter when the value is not of the attribute's form or out of its range.
   * @throws DoesNotExist when the object can't have such an attribute.
   * @throws IncorrectState when the attribute is a vector.
   * @throws PermissionDenied when it is read-only.
   */
  setAttribute(key: string, value: string): void;
  /**
   * The value of a scalar, or its default.
   * @throws DoesNotExist when there is no such attribute, or it is not set.
   * @throws IncorrectState when it is a vector.
   */
  getAttribute(key: string): string;
  /** As `setAttribute`, for a vector; the list may be empty. */
  setVectorAttribute(key: string, values: readonly string[]): void;
  /** As `getAttribute`, for a vector. */
  getVectorAttribute(key: string): string[];
  /**
   * Takes the value of a scalar or vector away; a default shows again.
   * @throws DoesNotExist when there is no such attribute, or it is not set.
   * @throws PermissionDenied when it is read-only.
   */
  removeAttribute(key: string): void;
  /** The keys of all attributes that are set or have a default. */
  listAttributes(): string[];
  /**
   * The keys that match any of the patterns: `key-pattern` or `key-pattern=value-pattern`, both with the wildcards
   * `* ? [abc] {a,b}`. A vector matches when one of its values does.
   * @throws BadParameter when a pattern is malformed.
   */
  findAttributes(pattern: readonly string[]): string[];
  /** Whether the attribute is set or has a default; false for keys that are unknown. */
  attributeExists(key: string): boolean;
  /** @throws DoesNotExist when the object can't have such an attribute; so do the questions below. */
  attributeIsReadonly(key: string): boolean;
  attributeIsWritable(key: string): boolean;
  attributeIsRemovable(key: string): boolean;
  attributeIsVector(key: string): boolean;
  /** What is set, by typed property, with secrets blotted out. Beyond SAGA. */
  toJSON(): Record<string, unknown>;
}

/** The attributes of a remote object: as `Attributes`, but each call asks the backend. */
export interface AsyncAttributes {
  setAttribute(key: string, value: string, options?: CallOptions): Promise<void>;
  getAttribute(key: string, options?: CallOptions): Promise<string>;
  setVectorAttribute(key: string, values: readonly string[], options?: CallOptions): Promise<void>;
  getVectorAttribute(key: string, options?: CallOptions): Promise<string[]>;
  removeAttribute(key: string, options?: CallOptions): Promise<void>;
  listAttributes(options?: CallOptions): Promise<string[]>;
  findAttributes(pattern: readonly string[], options?: CallOptions): Promise<string[]>;
  attributeExists(key: string, options?: CallOptions): Promise<boolean>;
  attributeIsReadonly(key: string, options?: CallOptions): Promise<boolean>;
  attributeIsWritable(key: string, options?: CallOptions): Promise<boolean>;
  attributeIsRemovable(key: string, options?: CallOptions): Promise<boolean>;
  attributeIsVector(key: string, options?: CallOptions): Promise<boolean>;
  /** What was last observed, by typed property, with secrets blotted out. Beyond SAGA. */
  toJSON(): Record<string, unknown>;
}

type AnyClass = (abstract new (...args: never[]) => object) & { readonly prototype: object };

/** What the attribute mixins take beside the attributes. */
export interface AttributedOptions {
  /** Whether the application may create attributes of its own. */
  extensible?: boolean;
  /** Makes the attributes of an object when they are first asked for; several objects may share theirs. */
  make?: (object: object) => AttributeSet;
}

// Beside the objects, not in them: nothing that looks into an object (inspect, JSON, a debugger's dump of its fields)
// comes upon a secret so, and classes need no field of a fixed name.
const schemas = new WeakMap<object, AttributeSchema>();
const sets = new WeakMap<object, AttributeSet>();
const makers = new WeakMap<AttributeSchema, NonNullable<AttributedOptions['make']>>();

function schemaOf(object: object): AttributeSchema {
  for (let at: object | null = object; at; at = Object.getPrototypeOf(at) as object | null) {
    const schema = schemas.get(at);
    if (schema) return schema;
  }
  throw new BadParameter('the object has no attributes');
}

/**
 * The attribute set of an object whose class is `attributed`, made when first asked for.
 * @internal
 */
export function attributeSetOf(object: object): AttributeSet {
  let set = sets.get(object);
  if (!set) {
    const schema = schemaOf(object);
    sets.set(object, (set = makers.get(schema)?.(object) ?? new AttributeSet(schema)));
  }
  return set;
}

/**
 * Gives `target` copies of all attributes of `source`: what `clone()` of an attributed class does.
 * @internal
 */
export function copyAttributes(source: object, target: object): void {
  sets.set(target, attributeSetOf(source).clone());
}

/**
 * Sets attributes from the object literal that a constructor took: typed properties (`numberOfProcesses: 2`) or SAGA
 * keys with their string form (`NumberOfProcesses: '2'`). Another object with the same attributes serves too.
 *
 * @throws BadParameter naming the property that is unknown or has a wrong value.
 * @internal
 */
export function initialise(object: object, init: object): void {
  const set = attributeSetOf(object);
  if (!isObject(init)) throw new BadParameter(`${set.schema.className} is made from an object: { name: value, ... }`);
  const source = sets.get(init);
  if (source) {
    for (const [key, value] of source.entries()) set.assign(key, value);
    return;
  }
  for (const [name, value] of Object.entries(init) as [string, unknown][]) {
    const spec = set.schema.byProperty(name);
    if (spec) set.write(spec, value);
    else if (!set.schema.find(name)) {
      const form = /^[a-z]/.test(name) ? 'property' : 'key';
      throw new BadParameter(`${set.schema.className} has no property "${name}"${set.schema.suggestion(name, form)}`);
    } else if (Array.isArray(value)) set.setVector(name, value as string[]);
    else if (value !== undefined) set.set(name, value as string);
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Puts the SAGA attribute interface and the typed properties on a class; declare them by merging an interface that
 * extends `Attributes`. A subclass gets the attributes of its parent, and may add its own by the same call.
 * What the class itself defines is kept.
 *
 * A class body must not declare the properties as fields (only with `declare`): a field would hide the accessor.
 * @internal
 */
export function attributed(target: AnyClass, specs: readonly AttributeSpec[], options: AttributedOptions = {}): void {
  equip(target, specs, options, {
    setAttribute(key: string, value: string): void {
      attributeSetOf(this).set(key, value);
    },
    getAttribute(key: string): string {
      return attributeSetOf(this).get(key);
    },
    setVectorAttribute(key: string, values: readonly string[]): void {
      attributeSetOf(this).setVector(key, values);
    },
    getVectorAttribute(key: string): string[] {
      return attributeSetOf(this).getVector(key);
    },
    removeAttribute(key: string): void {
      attributeSetOf(this).remove(key);
    },
    listAttributes(): string[] {
      return attributeSetOf(this).list();
    },
    findAttributes(pattern: readonly string[]): string[] {
      return attributeSetOf(this).find(pattern);
    },
    attributeExists(key: string): boolean {
      return attributeSetOf(this).exists(key);
    },
    attributeIsReadonly(key: string): boolean {
      return attributeSetOf(this).isReadonly(key);
    },
    attributeIsWritable(key: string): boolean {
      return attributeSetOf(this).isWritable(key);
    },
    attributeIsRemovable(key: string): boolean {
      return attributeSetOf(this).isRemovable(key);
    },
    attributeIsVector(key: string): boolean {
      return attributeSetOf(this).isVector(key);
    },
    toJSON: describeAttributes,
  } satisfies Attributes);
}

/** What a class may have so that `asyncAttributed` asks its backend. */
interface Refreshing {
  refreshAttributes?(options?: CallOptions): Promise<void>;
}

async function refreshed(object: object, options: CallOptions | undefined): Promise<AttributeSet> {
  await (object as Refreshing).refreshAttributes?.(options);
  return attributeSetOf(object);
}

/**
 * As `attributed`, for remote objects: each method first awaits the (protected) method `refreshAttributes(options)` of
 * the object, which brings its attribute set up to date; the typed properties give what was last observed.
 * @internal
 */
export function asyncAttributed(
  target: AnyClass,
  specs: readonly AttributeSpec[],
  options: AttributedOptions = {},
): void {
  equip(target, specs, options, {
    async setAttribute(key: string, value: string, options?: CallOptions): Promise<void> {
      (await refreshed(this, options)).set(key, value);
    },
    async getAttribute(key: string, options?: CallOptions): Promise<string> {
      return (await refreshed(this, options)).get(key);
    },
    async setVectorAttribute(key: string, values: readonly string[], options?: CallOptions): Promise<void> {
      (await refreshed(this, options)).setVector(key, values);
    },
    async getVectorAttribute(key: string, options?: CallOptions): Promise<string[]> {
      return (await refreshed(this, options)).getVector(key);
    },
    async removeAttribute(key: string, options?: CallOptions): Promise<void> {
      (await refreshed(this, options)).remove(key);
    },
    async listAttributes(options?: CallOptions): Promise<string[]> {
      return (await refreshed(this, options)).list();
    },
    async findAttributes(pattern: readonly string[], options?: CallOptions): Promise<string[]> {
      return (await refreshed(this, options)).find(pattern);
    },
    async attributeExists(key: string, options?: CallOptions): Promise<boolean> {
      return (await refreshed(this, options)).exists(key);
    },
    async attributeIsReadonly(key: string, options?: CallOptions): Promise<boolean> {
      return (await refreshed(this, options)).isReadonly(key);
    },
    async attributeIsWritable(key: string, options?: CallOptions): Promise<boolean> {
      return (await refreshed(this, options)).isWritable(key);
    },
    async attributeIsRemovable(key: string, options?: CallOptions): Promise<boolean> {
      return (await refreshed(this, options)).isRemovable(key);
    },
    async attributeIsVector(key: string, options?: CallOptions): Promise<boolean> {
      return (await refreshed(this, options)).isVector(key);
    },
    toJSON: describeAttributes,
  } satisfies AsyncAttributes);
}

/** What both mixins do: the schema, the methods, the typed properties, and how the object shows itself. */
function equip(target: AnyClass, specs: readonly AttributeSpec[], options: AttributedOptions, methods: object): void {
  const prototype: object = target.prototype;
  const parent = schemas.get(Object.getPrototypeOf(prototype) as object);
  const all = [...(parent?.specs ?? []), ...specs];
  const schema = new AttributeSchema(target.name, all, options.extensible ?? parent?.extensible ?? false);
  schemas.set(prototype, schema);
  if (options.make) makers.set(schema, options.make);
  for (const [name, value] of Object.entries(methods) as [string, unknown][])
    define(prototype, name, { value, writable: true });
  define(prototype, INSPECT, { value: inspectAsJson, writable: true });
  for (const spec of specs) {
    define(prototype, spec.property, {
      enumerable: true,
      get(this: object) {
        return attributeSetOf(this).read(spec);
      },
      set(this: object, value: unknown) {
        attributeSetOf(this).write(spec, value);
      },
    });
  }
}

function define(prototype: object, name: string | symbol, descriptor: PropertyDescriptor): void {
  if (!Object.hasOwn(prototype, name)) Object.defineProperty(prototype, name, { configurable: true, ...descriptor });
}

function describeAttributes(this: object): Record<string, unknown> {
  return attributeSetOf(this).describe();
}
