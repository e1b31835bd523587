import { isField, NUMERIC_FIELDS } from './layouts.ts';
import { metricText, shortestJsonNumber } from './number-text.ts';
import type { FormatFunction } from './reading-encoder.ts';

/** One flat object that routing queries, Stream Analytics and Data Explorer read without casts: ids, ISO time, numbers. */
export const encodeAzure: FormatFunction = (fields, values, layout) => {
  let text = '';
  for (const field of layout.fields) {
    text += NUMERIC_FIELDS.has(field) ? `,"${field}":${fields[field]}` : `,"${field}":"${fields[field]}"`;
  }
  for (const metric in values) {
    const value = values[metric];
    if (value === undefined || isField(layout, metric)) continue;
    const digits = typeof value === 'string' ? value : metricText(metric, value);
    text += `,"${metric}":${shortestJsonNumber(digits)}`;
  }
  return [{ text: `{${text.slice(1)}}` }];
};
