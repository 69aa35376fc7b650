/** What a metric is made of (GFD.90 section 3.9), and the attribute interface to it. */
import { AttributeSchema, type AttributeSpec } from './attribute-schema.js';
import { AttributeSet } from './attribute-set.js';
import { AttributeType, faultOf } from './attribute-values.js';
import { BadParameter, PermissionDenied } from './exceptions.js';

/** Who may change a metric. A Final one never changes again. */
export const MetricMode = { ReadOnly: 'ReadOnly', ReadWrite: 'ReadWrite', Final: 'Final' } as const;
export type MetricMode = (typeof MetricMode)[keyof typeof MetricMode];

/** As they show in `listAttributes`. */
export const METRIC_ATTRIBUTES: readonly AttributeSpec[] = [
  { key: 'Name', property: 'name', type: 'String', readonly: true, description: 'the name, such as job.state' },
  { key: 'Description', property: 'description', type: 'String', readonly: true, description: 'what is measured' },
  { key: 'Mode', property: 'mode', type: 'String', readonly: true, description: 'ReadOnly, ReadWrite or Final' },
  { key: 'Unit', property: 'unit', type: 'String', readonly: true, description: 'the unit; may be empty' },
  { key: 'Type', property: 'type', type: 'String', readonly: true, description: 'the type of the value' },
  {
    key: 'Value',
    property: 'value',
    type: 'String',
    description: 'the present value; read-only unless Mode is ReadWrite',
  },
];

/** The schemas by type of the value, of which there are few, made when first needed. */
const schemas = new Map<AttributeType, AttributeSchema>();

function schemaFor(type: AttributeType): AttributeSchema {
  let schema = schemas.get(type);
  if (!schema) {
    const specs = METRIC_ATTRIBUTES.map((spec) => (spec.key === 'Value' ? { ...spec, type: typeOfValue(type) } : spec));
    schemas.set(type, (schema = new AttributeSchema('Metric', specs)));
  }
  return schema;
}

/** What comes with a trigger is up to its owner. */
function typeOfValue(type: AttributeType): AttributeType {
  return type === 'Trigger' ? 'String' : type;
}

/** The attributes of a metric by their SAGA names. */
export interface MetricValues {
  readonly Name: string;
  readonly Description: string;
  Mode: MetricMode;
  readonly Unit: string;
  readonly Type: AttributeType;
  Value: string;
}

/**
 * The attribute set of a metric, made when somebody asks for it: a program has many metrics, and few are asked. It shows
 * the values of the metric, and writes the one that can be set.
 */
export class MetricAttributes extends AttributeSet {
  readonly #values: MetricValues;

  constructor(values: MetricValues) {
    super(schemaFor(values.Type), Object.entries(values) as [string, string][]);
    this.#values = values;
  }

  override value(key: string): string | undefined {
    return Object.hasOwn(this.#values, key) ? this.#values[key as keyof MetricValues] : undefined;
  }

  override assign(key: string, value: string): void {
    super.assign(key, value);
    this.#values.Value = value;
  }

  override isRemovable(key: string): boolean {
    return super.isRemovable(key) && key !== 'Value';
  }

  override remove(key: string): void {
    if (key === 'Value') throw new PermissionDenied('the value of a metric can only be set, not removed');
    super.remove(key);
  }

  protected override isLocked(key: string): boolean {
    return key === 'Value' ? this.#values.Mode !== MetricMode.ReadWrite : super.isLocked(key);
  }
}

/**
 * What a metric is made of, checked.
 * @throws BadParameter when something is empty that must not be, or the mode, type or value is malformed.
 */
export function checkedValues(
  name: string,
  desc: string,
  mode: MetricMode,
  unit: string,
  type: AttributeType,
  value: string,
): MetricValues {
  const values: MetricValues = { Name: name, Description: desc, Mode: mode, Unit: unit, Type: type, Value: value };
  for (const key of Object.keys(values) as (keyof MetricValues)[]) {
    const text: unknown = values[key];
    if (typeof text !== 'string') throw new BadParameter(`the ${key} of a metric is a string, not ${typeof text}`);
    if (text === '' && key !== 'Unit' && !(key === 'Value' && type === 'Trigger')) {
      throw new BadParameter(`the ${key} of a metric must not be empty`);
    }
  }
  demandOneOf('Mode', mode, MetricMode);
  demandOneOf('Type', type, AttributeType);
  demandValue(type, value);
  return values;
}

function demandOneOf(key: string, value: string, allowed: Readonly<Record<string, string>>): void {
  // The names of these constants are their values.
  if (Object.hasOwn(allowed, value)) return;
  const names = Object.keys(allowed).join(', ');
  throw new BadParameter(`the ${key} of a metric is one of ${names}, not ${JSON.stringify(value)}`);
}

/** @throws BadParameter when the value does not have the form of the type. */
export function demandValue(type: AttributeType, value: string): void {
  const fault = faultOf(typeOfValue(type), value, {});
  if (fault) throw new BadParameter(`the Value of a metric of type ${type} ${fault}, not ${JSON.stringify(value)}`);
}
