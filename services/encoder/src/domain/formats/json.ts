import { isField, NUMERIC_FIELDS } from './layouts.ts';
import { jsonNumber, metricText } from './number-text.ts';
import type { FormatFunction } from './reading-encoder.ts';

/**
 * One flat object of strings, or, with `advanced.jsonNumbers: number`, of numbers. Texts keep their digits either way.
 * Nothing needs escaping: ids, metric keys and numeric texts are made of characters that JSON takes as they are.
 */
export const encodeJson: FormatFunction = (fields, values, layout, integration) => {
  const numbers = integration.advanced.jsonNumbers === 'number';
  let text = '';
  for (const field of layout.fields) {
    text += numbers && NUMERIC_FIELDS.has(field) ? `,"${field}":${fields[field]}` : `,"${field}":"${fields[field]}"`;
  }
  for (const metric in values) {
    const value = values[metric];
    if (value === undefined || isField(layout, metric)) continue;
    const digits = typeof value === 'string' ? value : metricText(metric, value);
    text += numbers ? `,"${metric}":${jsonNumber(digits)}` : `,"${metric}":"${digits}"`;
  }
  return [{ text: `{${text.slice(1)}}` }];
};
