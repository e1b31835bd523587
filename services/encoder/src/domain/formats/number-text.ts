import { METRICS, type MetricPrecision } from '@gatecast/shared/model';

/** From here on `toFixed` answers in exponent notation (ECMA-262, Number.prototype.toFixed). */
const TO_FIXED_LIMIT = 1e21;
/** A decimal of up to 15 digits survives the way through a double (IEEE 754: DBL_DIG). */
const PLAIN_DECIMAL = /^[+-]?[\d.]{1,15}$/;

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const NUMERIC_TEXT = /^([+-]?)(\d*)\.?(\d*)((?:[eE][+-]?\d+)?)$/;

/** A value that came in as a number, with the precision of its metric; an unknown metric's in its shortest form. */
export function metricText(metric: string, value: number): string {
  const precision = METRICS.get(metric)?.precision;
  return precision === undefined ? shortest(value) : printed(value, precision);
}

function printed(value: number, { kind, digits }: MetricPrecision): string {
  switch (kind) {
    case 'decimals':
      return withoutSignOfZero(fixed(value, digits));
    case 'significant':
      return value.toPrecision(digits);
    case 'scientific':
      return value.toExponential(digits - 1);
  }
}

/** Integers of this size have no fraction, so that BigInt has all of their digits. */
function fixed(value: number, digits: number): string {
  if (Math.abs(value) < TO_FIXED_LIMIT) return value.toFixed(digits);
  return digits === 0 ? `${BigInt(value)}` : `${BigInt(value)}.${'0'.repeat(digits)}`;
}

/** What rounds to zero has no sign: -0.0004 °C is "0.000". */
function withoutSignOfZero(text: string): string {
  return text.startsWith('-') && Number(text) === 0 ? text.slice(1) : text;
}

/** As JSON prints it: -0 is "0". */
function shortest(value: number): string {
  return String(value);
}

/** A numeric text as a JSON number: the text itself where JSON allows it, else with the same digits ("+.5" → "0.5"). */
export function jsonNumber(text: string): string {
  if (JSON_NUMBER.test(text)) return text;
  const parts = NUMERIC_TEXT.exec(text);
  if (!parts) return JSON.stringify(text);
  const [, sign, integer = '', fraction, exponent] = parts;
  const digits = integer.replace(/^0+(?=\d)/, '') || '0';
  return `${sign === '-' ? '-' : ''}${digits}${fraction && `.${fraction}`}${exponent}`;
}

/**
 * A numeric text as the shortest JSON number of the same value ("22.800" → "22.8"). One in exponent notation, or with
 * more digits than a double holds, keeps its digits.
 */
export function shortestJsonNumber(text: string): string {
  return PLAIN_DECIMAL.test(text) ? shortest(Number(text)) : jsonNumber(text);
}
