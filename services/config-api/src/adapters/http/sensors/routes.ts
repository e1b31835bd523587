import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { SensorPatch, Sensors } from '../../../application/sensors.ts';
import { etagOf, parseIfMatch } from '../../../domain/revision.ts';
import { GatewayParams, IfMatchHeader, NoContent, problemAnswers, SensorParams } from '../schemas.ts';
import { SensorPage, SensorQuery, SensorReplacement, SensorResult, SensorUpdate } from './schemas.ts';

const tags = ['Sensors'];

export function sensorRoutes(sensors: Sensors): FastifyPluginCallbackTypebox<Record<never, never>> {
  return (app, _options, done) => {
    app.get(
      '/workspaces/:ws/gateways/:gw/sensors',
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'listSensors',
          summary: 'What is known of a gateway’s sensors, by id',
          params: GatewayParams,
          querystring: SensorQuery,
          response: { 200: SensorPage, ...problemAnswers },
        },
      },
      async ({ params, query }) => sensors.list(params.ws, params.gw, query),
    );

    app.get(
      '/workspaces/:ws/gateways/:gw/sensors/:sensor',
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'getSensor',
          summary: 'What is known of one sensor',
          params: SensorParams,
          response: { 200: SensorResult, ...problemAnswers },
        },
      },
      async ({ params }, reply) => {
        const { value, revision } = sensors.get(params.ws, params.gw, params.sensor);
        return reply.header('etag', etagOf(revision)).send(value);
      },
    );

    app.put(
      '/workspaces/:ws/gateways/:gw/sensors/:sensor',
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'replaceSensor',
          summary: 'Say what is known of a sensor',
          description: 'Published to the broker at once. A gateway may change it again by what it sends of itself.',
          params: SensorParams,
          headers: IfMatchHeader,
          body: SensorReplacement,
          response: { 200: SensorResult, ...problemAnswers },
        },
      },
      async ({ params, headers, body }, reply) => {
        const precondition = parseIfMatch(headers['if-match']);
        const { value, revision } = await sensors.replace(params.ws, params.gw, params.sensor, body, precondition);
        return reply.header('etag', etagOf(revision)).send(value);
      },
    );

    app.patch(
      '/workspaces/:ws/gateways/:gw/sensors/:sensor',
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'updateSensor',
          summary: 'Change what is known of a sensor',
          params: SensorParams,
          headers: IfMatchHeader,
          body: SensorUpdate,
          response: { 200: SensorResult, ...problemAnswers },
        },
      },
      async ({ params, headers, body }, reply) => {
        const precondition = parseIfMatch(headers['if-match']);
        const patch: SensorPatch = body;
        const { value, revision } = await sensors.patch(params.ws, params.gw, params.sensor, patch, precondition);
        return reply.header('etag', etagOf(revision)).send(value);
      },
    );

    app.delete(
      '/workspaces/:ws/gateways/:gw/sensors/:sensor',
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'deleteSensor',
          summary: 'Forget what is known of a sensor',
          description: 'Its retained topics are removed from the broker. Its readings go on.',
          params: SensorParams,
          headers: IfMatchHeader,
          response: { 204: NoContent, ...problemAnswers },
        },
      },
      async ({ params, headers }, reply) => {
        await sensors.delete(params.ws, params.gw, params.sensor, parseIfMatch(headers['if-match']));
        return reply.code(204).send(null);
      },
    );
    done();
  };
}
