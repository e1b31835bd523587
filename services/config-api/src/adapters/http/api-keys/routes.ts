import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { ApiKeys } from '../../../application/api-keys.ts';
import type { ApiKeyRecord } from '../../../domain/access/api-key.ts';
import { invalid } from '../../../domain/refusal.ts';
import { etagOf, parseIfMatch } from '../../../domain/revision.ts';
import { IfMatchHeader, NoContent, problemAnswers, WorkspaceParams } from '../schemas.ts';
import {
  ApiKeyCreate,
  ApiKeyCreated,
  ApiKeyPage,
  ApiKeyParams,
  ApiKeyQuery,
  ApiKeyResult,
  ApiKeyUpdate,
} from './schemas.ts';

const tags = ['API keys'];

export function apiKeyRoutes(apiKeys: ApiKeys): FastifyPluginCallbackTypebox<Record<never, never>> {
  return (app, _options, done) => {
    app.get(
      '/workspaces/:ws/api-keys',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'listApiKeys',
          summary: 'The API keys of a workspace',
          params: WorkspaceParams,
          querystring: ApiKeyQuery,
          response: { 200: ApiKeyPage, ...problemAnswers },
        },
      },
      async ({ params, query }) => {
        const { items, ...page } = apiKeys.list(params.ws, query);
        return { items: items.map(shown), ...page };
      },
    );

    app.post(
      '/workspaces/:ws/api-keys',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'createApiKey',
          summary: 'Create an API key for a workspace',
          params: WorkspaceParams,
          body: ApiKeyCreate,
          response: { 201: ApiKeyCreated, ...problemAnswers },
        },
      },
      async ({ params, body }, reply) => {
        const { value, revision, key } = await apiKeys.create(params.ws, body);
        reply.header('etag', etagOf(revision)).header('location', `/v1/workspaces/${params.ws}/api-keys/${value.id}`);
        return reply.code(201).send({ ...shown(value), key });
      },
    );

    app.get(
      '/workspaces/:ws/api-keys/:key',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'getApiKey',
          summary: 'One API key, without the key itself',
          params: ApiKeyParams,
          response: { 200: ApiKeyResult, ...problemAnswers },
        },
      },
      async ({ params }, reply) => {
        const { value, revision } = apiKeys.get(params.ws, params.key);
        return reply.header('etag', etagOf(revision)).send(shown(value));
      },
    );

    app.patch(
      '/workspaces/:ws/api-keys/:key',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'updateApiKey',
          summary: 'Rename an API key, or change when it expires',
          params: ApiKeyParams,
          headers: IfMatchHeader,
          body: ApiKeyUpdate,
          response: { 200: ApiKeyResult, ...problemAnswers },
        },
      },
      async ({ params, headers, body }, reply) => {
        if (body.name === null) throw invalid([{ pointer: '/name', message: 'cannot be removed' }]);
        const change = {
          name: body.name as string | undefined,
          expiresAt: body.expiresAt as string | null | undefined,
        };
        const precondition = parseIfMatch(headers['if-match']);
        const { value, revision } = await apiKeys.update(params.ws, params.key, change, precondition);
        return reply.header('etag', etagOf(revision)).send(shown(value));
      },
    );

    app.delete(
      '/workspaces/:ws/api-keys/:key',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'deleteApiKey',
          summary: 'Revoke an API key',
          params: ApiKeyParams,
          response: { 204: NoContent, ...problemAnswers },
        },
      },
      async ({ params }, reply) => {
        await apiKeys.delete(params.ws, params.key);
        return reply.code(204).send(null);
      },
    );
    done();
  };
}

function shown({ hash: _hash, scopes, ...others }: ApiKeyRecord) {
  return { ...others, scopes: [...scopes] };
}
