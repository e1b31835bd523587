import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { GatewayRecord } from '@gatecast/shared/model';
import type { Gateways } from '../../../application/gateways.ts';
import type { StatusReader } from '../../../application/status-reader.ts';
import { fitsRecord, fitsStatus } from '../../../domain/gateway-filter.ts';
import { etagOf, parseIfMatch } from '../../../domain/revision.ts';
import { withoutUndefined } from '../../../domain/without-undefined.ts';
import { GatewayParams, IfMatchHeader, NoContent, problemAnswers, WorkspaceParams } from '../schemas.ts';
import {
  GatewayCreate,
  GatewayCreated,
  GatewayPage,
  GatewayQuery,
  GatewayResult,
  GatewayUpdate,
  IngestTokenResult,
} from './schemas.ts';

export interface GatewayRoutesOptions {
  gateways: Gateways;
  reader: Pick<StatusReader, 'statusOf' | 'factsOf'>;
  /** The fleet of a gateway that is created without one. */
  defaultFleet: string;
}

const tags = ['Gateways'];

export function gatewayRoutes(options: GatewayRoutesOptions): FastifyPluginCallbackTypebox<Record<never, never>> {
  const { gateways, reader, defaultFleet } = options;

  const shown = (record: GatewayRecord) => {
    const { gatewayId, workspace, fleet, name, createdAt, mqtt } = record;
    const status = reader.statusOf(record);
    return withoutUndefined({
      gatewayId,
      workspace,
      fleet,
      name,
      createdAt,
      ...reader.factsOf(record),
      host: mqtt.host,
      status,
    });
  };

  return (app, _options, done) => {
    app.get(
      '/workspaces/:ws/gateways',
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'listGateways',
          summary: 'The gateways of a workspace with their status, by id',
          params: WorkspaceParams,
          querystring: GatewayQuery,
          response: { 200: GatewayPage, ...problemAnswers },
        },
      },
      async ({ params, query }) =>
        gateways.list(params.ws, query, (record) => {
          if (!fitsRecord(query, record)) return undefined;
          const gateway = shown(record);
          return fitsStatus(query, gateway.status) ? gateway : undefined;
        }),
    );

    app.post(
      '/workspaces/:ws/gateways',
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'createGateway',
          summary: 'Register a gateway',
          description:
            'Ids are unique in the whole deployment (409 `gateway_exists`). The answer holds the gateway’s ingest token, this once. Its ETag is the one that the first write of the MQTT settings needs.',
          params: WorkspaceParams,
          body: GatewayCreate,
          response: { 201: GatewayCreated, ...problemAnswers },
        },
      },
      async ({ params, body }, reply) => {
        const { gatewayId, name, fleet = defaultFleet } = body;
        const { value, revision, ingestToken } = await gateways.create(params.ws, { gatewayId, name, fleet });
        reply.header('etag', etagOf(revision)).header('location', `/v1/workspaces/${params.ws}/gateways/${gatewayId}`);
        return reply.code(201).send({ ...shown(value), ingestToken });
      },
    );

    app.get(
      '/workspaces/:ws/gateways/:gw',
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'getGateway',
          summary: 'One gateway with its status',
          params: GatewayParams,
          response: { 200: GatewayResult, ...problemAnswers },
        },
      },
      async ({ params }, reply) => {
        const { value, revision } = gateways.get(params.ws, params.gw);
        return reply.header('etag', etagOf(revision)).send(shown(value));
      },
    );

    app.patch(
      '/workspaces/:ws/gateways/:gw',
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'updateGateway',
          summary: 'Change a gateway',
          description:
            'Another `fleet` moves the gateway: nothing is lost or reordered, and it stays as `movingFrom` until that is complete. 409 `move_in_progress` before then.',
          params: GatewayParams,
          headers: IfMatchHeader,
          body: GatewayUpdate,
          response: { 200: GatewayResult, ...problemAnswers },
        },
      },
      async ({ params, headers, body }, reply) => {
        const change = {
          name: body.name as string | null | undefined,
          fleet: (body.fleet ?? undefined) as string | undefined,
        };
        const precondition = parseIfMatch(headers['if-match']);
        const { value, revision } = await gateways.update(params.ws, params.gw, change, precondition);
        return reply.header('etag', etagOf(revision)).send(shown(value));
      },
    );

    app.delete(
      '/workspaces/:ws/gateways/:gw',
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'deleteGateway',
          summary: 'End a gateway’s registration',
          description: 'Its settings, token and waiting messages are gone; the same id may be registered again.',
          params: GatewayParams,
          headers: IfMatchHeader,
          response: { 204: NoContent, ...problemAnswers },
        },
      },
      async ({ params, headers }, reply) => {
        await gateways.delete(params.ws, params.gw, parseIfMatch(headers['if-match']));
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/workspaces/:ws/gateways/:gw/ingest-token',
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'rotateIngestToken',
          summary: 'Give a gateway a new ingest token',
          description: 'The old one is refused from now on.',
          params: GatewayParams,
          response: { 201: IngestTokenResult, ...problemAnswers },
        },
      },
      async ({ params }, reply) => {
        const { revision, ingestToken } = await gateways.rotateIngestToken(params.ws, params.gw);
        return reply.code(201).header('etag', etagOf(revision)).send({ ingestToken });
      },
    );
    done();
  };
}
