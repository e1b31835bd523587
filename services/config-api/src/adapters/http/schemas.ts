import { PROBLEM_MEDIA_TYPE, Problem } from '@gatecast/shared/http';
import { GatewayId, SensorId, Slug } from '@gatecast/shared/model';
import Type, { type TObject, type TSchema } from 'typebox';
import type { JsonObject } from '../../domain/integration/merge-patch.ts';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../../domain/paging.ts';

/** What every input has: a field that is not known is refused, not ignored. */
export const closed = { additionalProperties: false } as const;

export const DateTime = (description: string) => Type.String({ description: `${description} ISO 8601, UTC.` });

export const WorkspaceParams = Type.Object({ ws: Slug });
export const GatewayParams = Type.Object({ ws: Slug, gw: GatewayId });
export const SensorParams = Type.Object({ ws: Slug, gw: GatewayId, sensor: SensorId });

export const pageQuery = {
  cursor: Type.Optional(Type.String({ maxLength: 256, description: 'nextCursor of the page before.' })),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, description: `Items a page. Default ${DEFAULT_PAGE_SIZE}.` }),
  ),
};

export function pageSchema<T extends TSchema>(item: T) {
  return Type.Object({
    items: Type.Array(item),
    nextCursor: Type.Optional(Type.String({ description: 'Absent on the last page.' })),
  });
}

const problem = (description: string) => ({ description, content: { [PROBLEM_MEDIA_TYPE]: { schema: Problem } } });

/** The answers that every route may give beside its own. */
export const problemAnswers = {
  '4xx': problem('Refused: RFC 9457 problem details; `errors` names each field. Switch on `code`.'),
  '5xx': problem(
    '503 with Retry-After: NATS does not answer. Reads from memory go on; with code `outcome_unknown` the write may or may not have happened.',
  ),
};

export const NoContent = Type.Null({ description: 'Done.' });

export const IfMatchHeader = Type.Object({
  'if-match': Type.Optional(
    Type.String({ description: 'ETag that the change was made to; `*` for whatever there is.' }),
  ),
});

/**
 * The schema of a JSON merge patch for `schema`: every field may be left out (stays as it is) or null (is removed).
 * `null` is added to the types rather than as an alternative, so that an error names one cause.
 */
export function mergePatchOf(schema: TObject, options: { description: string }) {
  const { type: _type, ...patch } = nullable(schema as object as PlainSchema);
  return Type.Unsafe<JsonObject>({ ...patch, ...options, type: 'object' });
}

interface PlainSchema {
  type?: string | string[];
  properties?: Record<string, PlainSchema>;
  enum?: unknown[];
  [keyword: string]: unknown;
}

function nullable(schema: PlainSchema): PlainSchema {
  const { type, properties, required: _required, enum: values, ...others } = schema;
  const types = Array.isArray(type) ? type : type === undefined ? [] : [type];
  const result: PlainSchema = { ...others, type: [...new Set([...types, 'null'])] };
  if (values) result.enum = [...values, null];
  if (properties) {
    result.properties = Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, nullable(property)]),
    );
  }
  return result;
}
