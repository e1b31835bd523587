import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import type { Workspaces } from '../../../application/workspaces.ts';
import { canRead } from '../../../domain/access/scope.ts';
import { etagOf, parseIfMatch } from '../../../domain/revision.ts';
import { principalOf } from '../access.ts';
import { closed, IfMatchHeader, NoContent, pageQuery, problemAnswers, WorkspaceParams } from '../schemas.ts';
import { WorkspaceCreate, WorkspacePage, WorkspaceResult, WorkspaceUpdate } from './schemas.ts';

const tags = ['Workspaces'];

export function workspaceRoutes(workspaces: Workspaces): FastifyPluginCallbackTypebox<Record<never, never>> {
  return (app, _options, done) => {
    app.get(
      '/workspaces',
      {
        config: { access: 'authenticated' },
        schema: {
          tags,
          operationId: 'listWorkspaces',
          summary: 'The workspaces that the key may see',
          querystring: Type.Object(pageQuery, closed),
          response: { 200: WorkspacePage, ...problemAnswers },
        },
      },
      async (request) => {
        const principal = principalOf(request);
        return workspaces.list(request.query, (workspace) => canRead(principal, workspace));
      },
    );

    app.post(
      '/workspaces',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'createWorkspace',
          summary: 'Create a workspace',
          body: WorkspaceCreate,
          response: { 201: WorkspaceResult, ...problemAnswers },
        },
      },
      async ({ body }, reply) => {
        const { value, revision } = await workspaces.create(body.workspace, body.name);
        reply.header('etag', etagOf(revision)).header('location', `/v1/workspaces/${value.workspace}`);
        return reply.code(201).send(value);
      },
    );

    app.get(
      '/workspaces/:ws',
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'getWorkspace',
          summary: 'One workspace',
          params: WorkspaceParams,
          response: { 200: WorkspaceResult, ...problemAnswers },
        },
      },
      async ({ params }, reply) => {
        const { value, revision } = workspaces.get(params.ws);
        return reply.header('etag', etagOf(revision)).send(value);
      },
    );

    app.patch(
      '/workspaces/:ws',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'updateWorkspace',
          summary: 'Change a workspace',
          params: WorkspaceParams,
          headers: IfMatchHeader,
          body: WorkspaceUpdate,
          response: { 200: WorkspaceResult, ...problemAnswers },
        },
      },
      async ({ params, headers, body }, reply) => {
        const name = body.name as string | null | undefined;
        const { value, revision } = await workspaces.rename(params.ws, name, parseIfMatch(headers['if-match']));
        return reply.header('etag', etagOf(revision)).send(value);
      },
    );

    app.delete(
      '/workspaces/:ws',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'deleteWorkspace',
          summary: 'Delete a workspace and its API keys',
          description: '409 `workspace_not_empty` while it has gateways.',
          params: WorkspaceParams,
          response: { 204: NoContent, ...problemAnswers },
        },
      },
      async ({ params }, reply) => {
        await workspaces.delete(params.ws);
        return reply.code(204).send(null);
      },
    );
    done();
  };
}
