/**
 * The values of SAGA attributes (GFD.90 section 3.8): strings with one form a type, and what a TypeScript program
 * reads and writes instead of them.
 */
import { BadParameter } from './exceptions.js';

/** The types of attributes and metrics. */
export const AttributeType = {
  String: 'String',
  Int: 'Int',
  Enum: 'Enum',
  Float: 'Float',
  Bool: 'Bool',
  Time: 'Time',
  Trigger: 'Trigger',
} as const;
export type AttributeType = (typeof AttributeType)[keyof typeof AttributeType];

/** What an attribute holds: a string, or a list of them when it is a vector. */
export type AttributeValue = string | readonly string[];

/** What limits the values of a type. */
export interface ValueLimits {
  /** The literals of an Enum. */
  values?: readonly string[];
  /** The least number that an Int, Float or Time may have. */
  minimum?: number;
}

const INT = /^[+-]?\d+$/;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const CTIME = /^([A-Z][a-z]{2}) ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/**
 * What is wrong with the string form of a value, as the end of a sentence that starts with the attribute's name.
 * @returns undefined when nothing is.
 */
export function faultOf(type: AttributeType, text: string, limits: ValueLimits): string | undefined {
  switch (type) {
    case 'String':
      return undefined;
    case 'Int':
      if (!INT.test(text)) return 'takes a whole decimal number';
      if (!Number.isSafeInteger(Number(text))) return 'takes a whole number between -(2^53 - 1) and 2^53 - 1';
      return faultOfNumber(Number(text), limits);
    case 'Float':
      if (!FLOAT.test(text) || !Number.isFinite(Number(text))) return 'takes a finite decimal number, such as 1.5';
      return faultOfNumber(Number(text), limits);
    case 'Bool':
      return text === 'True' || text === 'False' ? undefined : "takes exactly 'True' or 'False'";
    case 'Enum':
      return limits.values?.includes(text) === false ? `takes one of ${limits.values.join(', ')}` : undefined;
    case 'Time': {
      const seconds = parseTime(text);
      if (seconds !== undefined) return faultOfNumber(seconds, limits);
      return "takes whole seconds since 1970 (UTC), or local time in the form of ctime, such as 'Thu Jan  1 00:00:00 1970'";
    }
    case 'Trigger':
      return text === '' ? undefined : 'is a trigger and takes no value';
  }
}

function faultOfNumber(value: number, { minimum }: ValueLimits): string | undefined {
  return minimum !== undefined && value < minimum ? `takes a number that is at least ${String(minimum)}` : undefined;
}

/** The typed form of a well-formed value: number for Int, Float and Time (seconds), boolean for Bool, else the string. */
export function typedValue(type: AttributeType, text: string): string | number | boolean {
  switch (type) {
    case 'Int':
    case 'Float':
      return Number(text);
    case 'Time':
      return parseTime(text) ?? NaN;
    case 'Bool':
      return text === 'True';
    case 'String':
    case 'Enum':
    case 'Trigger':
      return text;
  }
}

/**
 * The string form of a typed value.
 * @throws BadParameter with the end of a sentence that starts with the attribute's name.
 */
export function textValue(type: AttributeType, value: unknown): string {
  switch (type) {
    case 'Int':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
      throw new BadParameter('takes a whole number');
    case 'Float':
      if (typeof value === 'number' && Number.isFinite(value)) return formatFloat(value);
      throw new BadParameter('takes a finite number');
    case 'Time':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
      throw new BadParameter('takes whole seconds since 1970 (UTC), such as Math.ceil(Date.now() / 1000)');
    case 'Bool':
      if (typeof value === 'boolean') return value ? 'True' : 'False';
      throw new BadParameter('takes true or false');
    case 'String':
    case 'Enum':
    case 'Trigger':
      if (typeof value === 'string') return value;
      throw new BadParameter('takes a string');
  }
}

/** As C's `%Lf` with its six places, or with as many as it takes to read the same number again. */
function formatFloat(value: number): string {
  if (Math.abs(value) >= 1e21) return `${BigInt(value).toString()}.000000`;
  for (let places = 6; places <= 100; places++) {
    const text = value.toFixed(places);
    if (Number(text) === value) return text;
  }
  return String(value);
}

/** Seconds since 1970 in the form of C's `ctime`: local time, the day padded with a blank. */
export function formatTime(seconds: number): string {
  const at = new Date(seconds * 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  return [
    DAYS[at.getDay()],
    MONTHS[at.getMonth()],
    String(at.getDate()).padStart(2, ' '),
    `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`,
    String(at.getFullYear()).padStart(4, '0'),
  ].join(' ');
}

/** Seconds since 1970 from a Time value: whole seconds, or the form of `ctime`; undefined when it is neither. */
export function parseTime(text: string): number | undefined {
  if (INT.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
  const found = CTIME.exec(text);
  if (!found) return undefined;
  const [, weekday = '', monthName = '', ...numbers] = found;
  const [day = 0, hours = 0, minutes = 0, seconds = 0, year = 0] = numbers.map(Number);
  const month = MONTHS.indexOf(monthName);
  const at = new Date(year, month, day, hours, minutes, seconds);
  // Date carries what is out of range over into the next unit: what comes back differs then.
  const same = month >= 0 && at.getMonth() === month && at.getDate() === day && DAYS[at.getDay()] === weekday;
  return same && hours < 24 && minutes < 60 && seconds < 60 ? at.getTime() / 1000 : undefined;
}
