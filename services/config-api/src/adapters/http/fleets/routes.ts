import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FleetRecord } from '@gatecast/shared/model';
import Type, { type Static } from 'typebox';
import type { Fleets } from '../../../application/fleets.ts';
import { etagOf, parseIfMatch } from '../../../domain/revision.ts';
import { withoutUndefined } from '../../../domain/without-undefined.ts';
import { closed, IfMatchHeader, NoContent, pageQuery, problemAnswers } from '../schemas.ts';
import { FleetCreate, FleetPage, FleetParams, FleetResult, FleetUpdate } from './schemas.ts';

const tags = ['Fleets'];

export function fleetRoutes(fleets: Fleets): FastifyPluginCallbackTypebox<Record<never, never>> {
  const show = (record: FleetRecord): Static<typeof FleetResult> =>
    withoutUndefined({ ...record, declared: fleets.isDeclared(record.fleet) });
  return (app, _options, done) => {
    app.get(
      '/fleets',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'listFleets',
          summary: 'All fleets',
          querystring: Type.Object(pageQuery, closed),
          response: { 200: FleetPage, ...problemAnswers },
        },
      },
      async (request) => {
        const page = fleets.list(request.query);
        return { ...page, items: page.items.map(show) };
      },
    );

    app.post(
      '/fleets',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'createFleet',
          summary: 'Create a fleet and its streams',
          description: 'Its gateways are served as soon as a publisher runs for this fleet.',
          body: FleetCreate,
          response: { 201: FleetResult, ...problemAnswers },
        },
      },
      async ({ body }, reply) => {
        const { value, revision } = await fleets.create(body.fleet, body.description);
        reply.header('etag', etagOf(revision)).header('location', `/v1/fleets/${value.fleet}`);
        return reply.code(201).send(show(value));
      },
    );

    app.get(
      '/fleets/:fleet',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'getFleet',
          summary: 'One fleet',
          params: FleetParams,
          response: { 200: FleetResult, ...problemAnswers },
        },
      },
      async ({ params }, reply) => {
        const { value, revision } = fleets.get(params.fleet);
        return reply.header('etag', etagOf(revision)).send(show(value));
      },
    );

    app.patch(
      '/fleets/:fleet',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'updateFleet',
          summary: 'Change a fleet',
          params: FleetParams,
          headers: IfMatchHeader,
          body: FleetUpdate,
          response: { 200: FleetResult, ...problemAnswers },
        },
      },
      async ({ params, headers, body }, reply) => {
        const description = body.description as string | null | undefined;
        const precondition = parseIfMatch(headers['if-match']);
        const { value, revision } = await fleets.describe(params.fleet, description, precondition);
        return reply.header('etag', etagOf(revision)).send(show(value));
      },
    );

    app.delete(
      '/fleets/:fleet',
      {
        config: { access: 'admin' },
        schema: {
          tags,
          operationId: 'deleteFleet',
          summary: 'Delete a fleet and its streams',
          description:
            '409 `fleet_declared` while the deployment has publishers for it, `fleet_not_empty` while it has gateways, `move_in_progress` while some are leaving it.',
          params: FleetParams,
          response: { 204: NoContent, ...problemAnswers },
        },
      },
      async ({ params }, reply) => {
        await fleets.delete(params.fleet);
        return reply.code(204).send(null);
      },
    );
    done();
  };
}
