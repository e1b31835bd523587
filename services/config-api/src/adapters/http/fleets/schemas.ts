import { Slug } from '@gatecast/shared/model';
import Type from 'typebox';
import { closed, DateTime, mergePatchOf, pageSchema } from '../schemas.ts';

export const FleetParams = Type.Object({ fleet: Slug });

const description = Type.String({ minLength: 1, maxLength: 512, description: 'For people.' });

export const FleetCreate = Type.Object({ fleet: Slug, description: Type.Optional(description) }, closed);

const FleetChange = Type.Object({ description: Type.Optional(description) }, closed);
export const FleetUpdate = mergePatchOf(FleetChange, {
  description: 'JSON merge patch; null removes the description.',
});

export const FleetResult = Type.Object({
  fleet: Slug,
  description: Type.Optional(Type.String()),
  createdAt: DateTime('When it was created.'),
  declared: Type.Optional(
    Type.Boolean({
      description:
        'Whether the deployment has publishers for it; not there when the deployment does not say. False: what its gateways send is kept and not delivered.',
    }),
  ),
});

export const FleetPage = pageSchema(FleetResult);
