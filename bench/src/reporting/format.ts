import type { Spread } from '@gatecast/delivery-check/statistics';

/** With thousands separated; a dash for what could not be measured. */
export function number(value: number, digits = 0): string {
  if (Number.isNaN(value)) return '–';
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `2.31 (2.20 to 2.45)` */
export function range({ median, lowest, highest }: Spread, digits = 2): string {
  return `${number(median, digits)} (${number(lowest, digits)} to ${number(highest, digits)})`;
}
