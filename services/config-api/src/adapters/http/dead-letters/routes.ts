import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { DeadLetters } from '../../../application/dead-letters.ts';
import { principalOf } from '../access.ts';
import { GatewayParams, NoContent, problemAnswers } from '../schemas.ts';
import { Discarded, LetterPage, LetterParams, LetterQuery, LetterResult, ReasonQuery, Requeued } from './schemas.ts';

const tags = ['Dead letters'];
const LETTERS = '/workspaces/:ws/gateways/:gw/dead-letters';

export function deadLetterRoutes(letters: DeadLetters): FastifyPluginCallbackTypebox<Record<never, never>> {
  return (app, _options, done) => {
    app.get(
      LETTERS,
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'listDeadLetters',
          summary: 'What was set aside for a gateway, and why',
          params: GatewayParams,
          querystring: LetterQuery,
          response: { 200: LetterPage, ...problemAnswers },
        },
      },
      async ({ params, query }) => letters.list(params.ws, params.gw, query),
    );

    app.get(
      `${LETTERS}/:letter`,
      {
        config: { access: 'workspace:read' },
        schema: {
          tags,
          operationId: 'getDeadLetter',
          summary: 'A dead letter with all that it holds',
          params: LetterParams,
          response: { 200: LetterResult, ...problemAnswers },
        },
      },
      async ({ params }) => letters.get(params.ws, params.gw, params.letter),
    );

    app.post(
      `${LETTERS}/:letter/requeue`,
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'requeueDeadLetter',
          summary: 'Send it once more',
          description: 'At the end of the gateway’s line. Readings are encoded anew, messages go out as they are.',
          params: LetterParams,
          response: { 204: NoContent, ...problemAnswers },
        },
      },
      async (request, reply) => {
        const { ws, gw, letter } = request.params;
        await letters.requeue(ws, gw, letter, principalOf(request).id);
        return reply.code(204).send(null);
      },
    );

    app.post(
      `${LETTERS}::requeue`,
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'requeueDeadLetters',
          summary: 'Send all of them once more, or those with a reason',
          description: 'Oldest first, a thousand at most.',
          params: GatewayParams,
          querystring: ReasonQuery,
          response: { 200: Requeued, ...problemAnswers },
        },
      },
      async (request) => {
        const { params, query } = request;
        return letters.requeueAll(params.ws, params.gw, query.reason, principalOf(request).id);
      },
    );

    app.delete(
      `${LETTERS}/:letter`,
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'discardDeadLetter',
          summary: 'Discard it',
          params: LetterParams,
          response: { 204: NoContent, ...problemAnswers },
        },
      },
      async (request, reply) => {
        const { ws, gw, letter } = request.params;
        await letters.discard(ws, gw, letter, principalOf(request).id);
        return reply.code(204).send(null);
      },
    );

    app.delete(
      LETTERS,
      {
        config: { access: 'workspace:write' },
        schema: {
          tags,
          operationId: 'discardDeadLetters',
          summary: 'Discard all of them, or those with a reason',
          description: 'With a reason, a thousand at most.',
          params: GatewayParams,
          querystring: ReasonQuery,
          response: { 200: Discarded, ...problemAnswers },
        },
      },
      async (request) => {
        const { params, query } = request;
        return letters.discardAll(params.ws, params.gw, query.reason, principalOf(request).id);
      },
    );
    done();
  };
}
