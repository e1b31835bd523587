import { GatewayId, Slug } from '@gatecast/shared/model';
import Type from 'typebox';
import { closed, DateTime, mergePatchOf, pageQuery, pageSchema } from '../schemas.ts';
import { StatusClassSchema, StatusCodeSchema, statusFields } from '../status/schemas.ts';

const name = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'Published as the retained topic <root>/<gateway>/name.',
});

export const GatewayCreate = Type.Object(
  {
    gatewayId: GatewayId,
    fleet: Type.Optional({ ...Slug, description: 'Default: the deployment’s default fleet.' }),
    name: Type.Optional(name),
  },
  closed,
);

const GatewayChange = Type.Object({ name: Type.Optional(name), fleet: Type.Optional(Slug) }, closed);
export const GatewayUpdate = mergePatchOf(GatewayChange, { description: 'JSON merge patch; null removes the name.' });

const gatewayFields = {
  gatewayId: GatewayId,
  workspace: Slug,
  fleet: Slug,
  movingFrom: Type.Optional({ ...Slug, description: 'The fleet that it is leaving; absent once that is complete.' }),
  name: Type.Optional(Type.String()),
  createdAt: DateTime('When it was registered.'),
  online: Type.Boolean({ description: 'It has sent within the last three measurement intervals.' }),
  lastSeenAt: Type.Optional(DateTime('When its last batch was accepted.')),
  firmwareVersion: Type.Optional(Type.String({ description: 'As the gateway says.' })),
  host: Type.Optional(Type.String({ description: 'The configured broker.' })),
  status: Type.Object(statusFields),
};

export const GatewayResult = Type.Object(gatewayFields);

const ingestToken = Type.String({
  description: 'The bearer token that the gateway sends its readings with. Shown once, stored nowhere.',
});

export const GatewayCreated = Type.Object({ ...gatewayFields, ingestToken });
export const IngestTokenResult = Type.Object({ ingestToken });

export const GatewayPage = pageSchema(GatewayResult);

export const GatewayQuery = Type.Object(
  {
    ...pageQuery,
    fleet: Type.Optional(Slug),
    code: Type.Optional(StatusCodeSchema),
    class: Type.Optional(StatusClassSchema),
    host: Type.Optional(Type.String({ minLength: 1, maxLength: 253, description: 'The configured broker, exactly.' })),
    q: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Part of the id or the name.' })),
  },
  closed,
);
