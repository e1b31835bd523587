import { STATUS_CLASSES, STATUS_CODES, STATUS_REASONS } from '@gatecast/shared/model';
import Type from 'typebox';
import type { Authentication, Indicator } from '../../../domain/status/details.ts';
import { Fingerprints } from '../integrations/schemas.ts';
import { closed, DateTime } from '../schemas.ts';

const oneOf = <const T extends readonly string[]>(values: T, description: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description });

export const StatusCodeSchema = oneOf(STATUS_CODES, 'The product’s own vocabulary; stable.');
export const StatusClassSchema = oneOf(
  STATUS_CLASSES,
  'Whose turn it is: ok and off: nobody’s; pending: wait; user: check the settings; remote: the broker’s; platform: the operator’s.',
);
const lowered = { type: 'integer', enum: [0, 1], description: 'What is used instead.' } as const;
const BrokerLimitsSchema = Type.Object(
  {
    qos: Type.Optional(Type.Unsafe<0 | 1>(lowered)),
    retain: Type.Optional(Type.Literal(false)),
    willQos: Type.Optional(Type.Unsafe<0 | 1>(lowered)),
    willRetain: Type.Optional(Type.Literal(false)),
  },
  { description: 'With MQTT 5: what the broker does less than the settings ask for. Absent: nothing.' },
);
const StatusReasonSchema = oneOf(STATUS_REASONS, 'The finer cause; stable, and the list may grow.');

/** What the status resource and every item of a list say alike. */
export const statusFields = {
  code: StatusCodeSchema,
  class: StatusClassSchema,
  reason: StatusReasonSchema,
  active: Type.Boolean({ description: 'Green on the display: every _INFO_ code but MQTT_INFO_DISABLED_BY_USER.' }),
  since: DateTime('When this state began.'),
  updated: DateTime('The later of the last change and the last heartbeat of the session’s owner.'),
};

export const StatusResult = Type.Object({
  ...statusFields,
  message: Type.String({ description: 'One sentence for a person.' }),
  host: Type.Optional(Type.String({ description: 'The broker that the state is about.' })),
  attempt: Type.Integer({ description: 'Connection attempts since the last success; 0 while connected.' }),
  nextAttemptAt: Type.Optional(DateTime('When the next attempt is made.')),
  serverKeepAliveSeconds: Type.Optional(Type.Integer({ description: 'With MQTT 5: imposed by the broker.' })),
  brokerLimits: Type.Optional(BrokerLimitsSchema),
  silentSince: Type.Optional(
    DateTime('Shown offline at the broker because no readings come: when the last one did, or the registration.'),
  ),
  delivered: Type.Integer({
    description: 'MQTT messages that the broker acknowledged (QoS 0: sent), since registration.',
  }),
  lastDeliveredAt: Type.Optional(DateTime('When the last of them was.')),
  downgraded: Type.Optional(
    Type.Integer({
      description: 'QoS 2: sent again since registration because the broker had lost its session: may be there twice.',
    }),
  ),
  unproven: Type.Optional(
    Type.Integer({
      description:
        'QoS 2: completed since registration in a session that the broker may have made anew without our hearing of it: if it had, they are lost.',
    }),
  ),
  backlog: Type.Object({
    messages: Type.Integer({ description: 'Waiting until the broker takes them.' }),
    oldest: Type.Optional(DateTime('Since when the oldest of them waits. Absent when the store does not answer.')),
    lost: Type.Integer({ description: 'Lost to the limits of the waiting room, since registration.' }),
  }),
  owner: Type.Optional(
    Type.Object({ instance: Type.String(), epoch: Type.Integer() }, { description: 'The publisher with the session.' }),
  ),
});

export const HistoryQuery = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Default 100.' })) },
  closed,
);

export const HistoryResult = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.Integer({ description: 'Grows with time.' }),
      time: DateTime('When it happened.'),
      code: StatusCodeSchema,
      class: StatusClassSchema,
      reason: StatusReasonSchema,
      message: Type.String(),
      host: Type.Optional(Type.String()),
      attempt: Type.Integer(),
    }),
  ),
});

const indicators = ['green', 'yellow', 'red', 'grey'] as const satisfies readonly Indicator[];
const authentications = ['none', 'password', 'certificate', 'both'] as const satisfies readonly Authentication[];

export const DetailsResult = Type.Object({
  rows: Type.Array(Type.Object({ key: Type.String(), label: Type.String(), text: Type.String() }), {
    description: 'The panel of the gateway’s display: labels of the manual, in its order, with text ready to show.',
  }),
  values: Type.Object(
    {
      status: Type.Object({
        code: StatusCodeSchema,
        text: Type.String(),
        message: Type.String(),
        active: Type.Boolean(),
        indicator: oneOf(indicators, 'Colour of the icon.'),
      }),
      updated: DateTime('Last refresh of the status.'),
      host: Type.Optional(Type.String()),
      port: Type.Integer(),
      authentication: oneOf(authentications, 'How the gateway proves itself to the broker.'),
      rootTopic: Type.String(),
      protocolVersion: Type.String(),
      keepAliveSeconds: Type.Object({
        configured: Type.Integer(),
        broker: Type.Optional(Type.Integer({ description: 'With MQTT 5: imposed by the broker.' })),
      }),
      format: Type.String(),
      qos: Type.Integer(),
      lwtRetain: Type.Boolean({ description: 'Whether the broker retains the will; false without a will.' }),
      brokerLimits: Type.Optional(BrokerLimitsSchema),
      silentSince: Type.Optional(DateTime('Since when no readings have come, if it is shown offline for it.')),
      fingerprints: Fingerprints,
    },
    { description: 'The same for programs; defaults are filled in.' },
  ),
});
