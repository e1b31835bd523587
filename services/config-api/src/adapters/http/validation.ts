import { Ajv } from 'ajv';
import type { FastifySchemaCompiler } from 'fastify';

// Of the module, not of a server: schemas are constants, and Ajv compiles each of them once.
const asSent = new Ajv({ allErrors: true, strict: false, coerceTypes: false });
const fromText = new Ajv({ allErrors: true, strict: false, coerceTypes: true });

/**
 * Checks requests as they were sent: nothing is converted, removed or filled in (Fastify's own defaults do all three),
 * and every fault is named. Only query strings and path parameters, which are text by nature, are converted.
 */
export const compileRequestValidator: FastifySchemaCompiler<object> = ({ schema, httpPart }) =>
  (httpPart === 'body' ? asSent : fromText).compile(schema);
