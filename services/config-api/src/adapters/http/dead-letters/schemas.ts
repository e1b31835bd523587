import { GatewayId, Slug } from '@gatecast/shared/model';
import Type from 'typebox';
import { DateTime, pageQuery, pageSchema } from '../schemas.ts';

const MAX_LIMIT = 100;

export const LetterParams = Type.Object({
  ws: Slug,
  gw: GatewayId,
  letter: Type.Integer({ minimum: 1, description: 'Id of a dead letter.' }),
});

const reason = Type.Optional(Type.String({ maxLength: 64, description: 'Only letters with exactly this reason.' }));

export const ReasonQuery = Type.Object({ reason });

export const LetterQuery = Type.Object({
  cursor: pageQuery.cursor,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIMIT, description: 'Items a page. Default 50.' })),
  order: Type.Optional(
    Type.Unsafe<'newest' | 'oldest'>({ type: 'string', enum: ['newest', 'oldest'], description: 'Default newest.' }),
  ),
  reason,
});

const oneOf = <const T extends readonly string[]>(values: T, description: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description });

const known = {
  id: Type.Integer(),
  time: DateTime('When it was set aside.'),
  reason: Type.String({ description: 'Why. Stable, and the list may grow.' }),
  kind: oneOf(
    ['measurements', 'messages', 'unreadable'],
    'Readings that cannot be encoded; messages that a broker does not take; what this version cannot read.',
  ),
  registration: oneOf(
    ['current', 'former', 'unknown'],
    'Whether it is of the gateway’s present registration. What another one’s letter holds is not shown.',
  ),
  bytes: Type.Integer({ description: 'Size of what it holds.' }),
};

export const LetterPage = pageSchema(
  Type.Object({
    ...known,
    topic: Type.Optional(Type.String({ description: 'Of the message.' })),
    preview: Type.Optional(Type.String({ description: 'How the payload or the readings begin, if that is text.' })),
  }),
);

const Content = Type.Object(
  { text: Type.Optional(Type.String()), base64: Type.Optional(Type.String()) },
  { description: 'One of the two: base64 for what is not UTF-8.' },
);

export const LetterResult = Type.Object({
  ...known,
  messages: Type.Optional(Type.Array(Type.Object({ topic: Type.String(), retain: Type.Boolean(), payload: Content }))),
  body: Type.Optional(Content),
});

const more = Type.Boolean({ description: 'There are more: repeat the request.' });

export const Requeued = Type.Object({
  requeued: Type.Integer(),
  skipped: Type.Integer({ description: 'Of another registration, or unreadable.' }),
  more,
});

export const Discarded = Type.Object({ discarded: Type.Integer(), more });
