import Fastify, { type FastifyBaseLogger } from 'fastify';
import Type from 'typebox';
import { expect, test } from 'vitest';
import { HttpProblem, useProblemDetails } from '../../src/http/index.ts';
import { createLogger } from '../../src/logging/index.ts';

const Body = Type.Object(
  { name: Type.String({ maxLength: 3 }), nested: Type.Optional(Type.Object({ n: Type.Integer() })) },
  { additionalProperties: false },
);
const Query = Type.Object({ limit: Type.Optional(Type.Integer({ maximum: 10 })) });

function setUp(thrown: unknown = undefined) {
  const lines: { level: string; message: string }[] = [];
  const log = createLogger(
    { service: 'test', instance: 'test', level: 'info' },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    bodyLimit: 100,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: true } },
  });
  useProblemDetails(app);
  app.post('/', { schema: { body: Body, querystring: Query } }, () => {
    if (thrown !== undefined) throw thrown;
    return { ok: true };
  });
  const post = (payload: unknown, headers = { 'content-type': 'application/json' }, url = '/') =>
    app.inject({
      method: 'POST',
      url,
      headers,
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    });
  const logged = () => lines.filter(({ message }) => message.startsWith('request ') && !message.endsWith('completed'));
  return { app, post, logged };
}

test('leaves successes alone', async () => {
  const response = await setUp().post({ name: 'a' });
  expect([response.statusCode, response.json()]).toEqual([200, { ok: true }]);
});

test('a thrown problem is the answer, with every part of it', async () => {
  const problem = new HttpProblem(409, 'name_taken', 'The name is taken', {
    detail: 'by somebody else',
    errors: [{ pointer: '/name', message: 'is taken' }],
    retryAfterSeconds: 30,
  });
  const response = await setUp(problem).post({ name: 'a' });
  expect(response.statusCode).toBe(409);
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(response.headers['retry-after']).toBe('30');
  expect(response.json()).toEqual({
    type: 'urn:gatecast:problem:name_taken',
    title: 'The name is taken',
    status: 409,
    code: 'name_taken',
    detail: 'by somebody else',
    errors: [{ pointer: '/name', message: 'is taken' }],
  });
});

test.each([
  [{}, [{ pointer: '/name', message: 'is required' }]],
  [
    { name: 'a', extra: 1, 'a/b~c': 1 },
    [
      { pointer: '/extra', message: 'is not known' },
      { pointer: '/a~1b~0c', message: 'is not known' },
    ],
  ],
  [{ name: 'long' }, [{ pointer: '/name', message: 'must NOT have more than 3 characters' }]],
  [{ name: 'a', nested: { n: '1' } }, [{ pointer: '/nested/n', message: 'must be integer' }]],
  [[], [{ pointer: '', message: 'must be object' }]],
])('points at what is wrong with %j', async (body, errors) => {
  const response = await setUp().post(body);
  expect(response.statusCode).toBe(422);
  expect(response.json()).toMatchObject({ code: 'validation_failed', errors });
});

test('names a parameter that is wrong', async () => {
  const response = await setUp().post({ name: 'a' }, undefined, '/?limit=x');
  expect(response.json()).toMatchObject({ status: 422, errors: [{ pointer: 'limit', message: 'must be integer' }] });
});

test.each([
  ['{"name":', { 'content-type': 'application/json' }, 400, 'malformed_json'],
  ['', { 'content-type': 'application/json' }, 400, 'malformed_json'],
  [`"${'x'.repeat(200)}"`, { 'content-type': 'application/json' }, 413, 'body_too_large'],
  ['<a/>', { 'content-type': 'text/xml' }, 415, 'unsupported_media_type'],
])('%j as %j is answered with %i %s', async (body, headers, status, code) => {
  const response = await setUp().post(body, headers);
  expect(response.json()).toMatchObject({ status, code });
  expect(response.statusCode).toBe(status);
});

test('a route that does not exist is a problem too', async () => {
  const response = await setUp().app.inject('/nowhere');
  expect(response.statusCode).toBe(404);
  expect(response.json()).toMatchObject({ code: 'not_found' });
});

test('what nobody expected is logged, and tells the caller nothing', async () => {
  const { post, logged } = setUp(new TypeError('secret detail'));
  const response = await post({ name: 'a' });
  expect(response.json()).toMatchObject({ status: 500, code: 'internal_error' });
  expect(response.body).not.toContain('secret');
  expect(logged()).toMatchObject([{ level: 'error', message: 'request failed', err: { message: 'secret detail' } }]);
});

test('neither a refusal nor a passing state is logged as an error', async () => {
  for (const status of [403, 503]) {
    const { post, logged } = setUp(new HttpProblem(status, 'no', 'No'));
    expect((await post({ name: 'a' })).statusCode).toBe(status);
    expect(logged()).toEqual([]);
  }
});
