import type { FieldProblem } from '@gatecast/shared/http';

/** What a schema validator reports, in the words of Ajv. */
export interface SchemaViolation {
  keyword: string;
  instancePath: string;
  params: object;
  message: string;
}

/** What a field with several accepted notations takes. Of each the validator would report why it is not met. */
const ALTERNATIVES: readonly [RegExp, string][] = [
  [/^\/measurements\/\d+\/values\/[^/]+$/, 'is neither a number nor a number as text'],
  [/^\/measurements\/\d+\/time$/, 'is neither Unix time in seconds or milliseconds nor the same as text'],
  [/^\/sensors\/\d+\/[^/]+$/, 'is neither text of the permitted length nor null'],
];

/** One problem for each place that violates the schema, pointing at that place itself. */
export function describeViolations(violations: readonly SchemaViolation[]): FieldProblem[] {
  const problems = new Map<string, string>();
  for (const violation of violations) {
    for (const { pointer, message } of describe(violation)) {
      if (!problems.has(pointer)) problems.set(pointer, message);
    }
  }
  return [...problems].map(([pointer, message]) => ({ pointer, message }));
}

function describe({ keyword, instancePath, params, message }: SchemaViolation): FieldProblem[] {
  switch (keyword) {
    case 'required': {
      const { requiredProperties = [] } = params as { requiredProperties?: string[] };
      return requiredProperties.map((name) => ({ pointer: `${instancePath}/${name}`, message: 'is required' }));
    }
    case 'boolean': // reported at the unknown property
      return [{ pointer: instancePath, message: isMetric(instancePath) ? 'is not a metric key' : 'is not known' }];
    case 'additionalProperties': // reported once more, at the object around it
      return [];
    default: {
      const alternatives = ALTERNATIVES.find(([path]) => path.test(instancePath));
      return [{ pointer: instancePath, message: alternatives?.[1] ?? message }];
    }
  }
}

function isMetric(path: string): boolean {
  return /^\/measurements\/\d+\/values\/[^/]*$/.test(path);
}
