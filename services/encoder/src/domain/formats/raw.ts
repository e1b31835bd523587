import { isField } from './layouts.ts';
import { metricText } from './number-text.ts';
import type { FormatFunction, Payload } from './reading-encoder.ts';

/** One message per metric with the bare value. */
export const encodeRaw: FormatFunction = (fields, values, layout) => {
  const payloads: Payload[] = layout.fields.map((field) => ({ metric: field, text: fields[field] }));
  for (const metric in values) {
    const value = values[metric];
    if (value === undefined || isField(layout, metric)) continue;
    payloads.push({ metric, text: typeof value === 'string' ? value : metricText(metric, value) });
  }
  return payloads;
};
