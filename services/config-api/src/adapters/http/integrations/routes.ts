import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { IntegrationSettings } from '@gatecast/shared/model';
import type { Gateways } from '../../../application/gateways.ts';
import type { Integrations } from '../../../application/integrations.ts';
import { readableSettings } from '../../../domain/integration/change.ts';
import { fingerprintsOf } from '../../../domain/integration/fingerprints.ts';
import { etagOf, parseIfMatch } from '../../../domain/revision.ts';
import { GatewayParams, IfMatchHeader, problemAnswers } from '../schemas.ts';
import { IntegrationPatchBody, IntegrationReplacementBody, IntegrationResult } from './schemas.ts';

export interface IntegrationRoutesOptions {
  gateways: Pick<Gateways, 'get'>;
  integrations: Integrations;
}

const tags = ['MQTT integration'];
const url = '/workspaces/:ws/gateways/:gw/integrations/mqtt';
const secretRules = [
  'A stored `password` goes with its `username`, a stored `tls.clientKey` with its `tls.clientCertificate`: removing the one removes the other.',
  'A new `tls.clientCertificate` is checked against the stored key.',
  'Needs If-Match with the ETag that was read (428 without, 412 when somebody else was faster).',
].join(' ');

export function integrationRoutes(
  options: IntegrationRoutesOptions,
): FastifyPluginCallbackTypebox<Record<never, never>> {
  const { gateways, integrations } = options;
  return (app, _options, done) => {
    app.get(
      url,
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'getIntegration',
          summary: 'The MQTT settings of a gateway, without secrets',
          params: GatewayParams,
          response: { 200: IntegrationResult, ...problemAnswers },
        },
      },
      async ({ params }, reply) => {
        const { value, revision } = gateways.get(params.ws, params.gw);
        return reply.header('etag', etagOf(revision)).send(shown(value.mqtt));
      },
    );

    app.put(
      url,
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'replaceIntegration',
          summary: 'Replace the MQTT settings of a gateway',
          description: `Every field that is left out gets its default, but for two kinds: secrets that are left out are kept (null removes them), and so is \`advanced.layoutVersion\`. ${secretRules}`,
          params: GatewayParams,
          headers: IfMatchHeader,
          body: IntegrationReplacementBody,
          response: { 200: IntegrationResult, ...problemAnswers },
        },
      },
      async ({ params, headers, body }, reply) => {
        const { passwordSet: _passwordSet, fingerprints: _fingerprints, ...replacement } = body;
        const precondition = parseIfMatch(headers['if-match']);
        const { value, revision } = await integrations.replace(params.ws, params.gw, replacement, precondition);
        return reply.header('etag', etagOf(revision)).send(shown(value.mqtt));
      },
    );

    app.patch(
      url,
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'patchIntegration',
          summary: 'Change some of the MQTT settings of a gateway',
          description: secretRules,
          consumes: ['application/merge-patch+json', 'application/json'],
          params: GatewayParams,
          headers: IfMatchHeader,
          body: IntegrationPatchBody,
          response: { 200: IntegrationResult, ...problemAnswers },
        },
      },
      async ({ params, headers, body }, reply) => {
        const precondition = parseIfMatch(headers['if-match']);
        const { value, revision } = await integrations.patch(params.ws, params.gw, body, precondition);
        return reply.header('etag', etagOf(revision)).send(shown(value.mqtt));
      },
    );
    done();
  };
}

/** Settings for reading: named field by field by the answer's schema, so that nothing sealed can slip through. */
function shown(stored: IntegrationSettings) {
  return {
    ...readableSettings(stored),
    passwordSet: stored.sealed?.password !== undefined,
    fingerprints: fingerprintsOf(stored),
  };
}
