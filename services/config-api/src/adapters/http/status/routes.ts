import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { Gateways } from '../../../application/gateways.ts';
import type { StatusEvents } from '../../../application/ports.ts';
import type { StatusReader } from '../../../application/status-reader.ts';
import { detailsOf } from '../../../domain/status/details.ts';
import { GatewayParams, problemAnswers } from '../schemas.ts';
import { DetailsResult, HistoryQuery, HistoryResult, StatusResult } from './schemas.ts';

export interface StatusRoutesOptions {
  gateways: Pick<Gateways, 'get'>;
  reader: Pick<StatusReader, 'statusOf' | 'fullStatusOf'>;
  events: StatusEvents;
}

const tags = ['Status'];
const MAX_HISTORY = 100;

export function statusRoutes(options: StatusRoutesOptions): FastifyPluginCallbackTypebox<Record<never, never>> {
  const { gateways, reader, events } = options;
  return (app, _options, done) => {
    app.get(
      '/workspaces/:ws/gateways/:gw/integrations/mqtt/status',
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'getStatus',
          summary: 'Whether messages arrive, and if not, why',
          params: GatewayParams,
          response: { 200: StatusResult, ...problemAnswers },
        },
      },
      async ({ params }) => reader.fullStatusOf(gateways.get(params.ws, params.gw).value),
    );

    app.get(
      '/workspaces/:ws/gateways/:gw/integrations/mqtt/details',
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'getDetails',
          summary: 'The panel “MQTT details” of the gateway’s display',
          params: GatewayParams,
          response: { 200: DetailsResult, ...problemAnswers },
        },
      },
      async ({ params }) => {
        const { value } = gateways.get(params.ws, params.gw);
        return detailsOf(value, reader.statusOf(value));
      },
    );

    app.get(
      '/workspaces/:ws/gateways/:gw/integrations/mqtt/history',
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'getHistory',
          summary: 'The last transitions of the status, newest first',
          params: GatewayParams,
          querystring: HistoryQuery,
          response: { 200: HistoryResult, ...problemAnswers },
        },
      },
      async ({ params, query }) => {
        const { value } = gateways.get(params.ws, params.gw);
        return { items: await events.last(value, query.limit ?? MAX_HISTORY) };
      },
    );
    done();
  };
}
