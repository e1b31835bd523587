import { SensorId } from '@gatecast/shared/model';
import Type from 'typebox';
import { closed, mergePatchOf, pageQuery, pageSchema } from '../schemas.ts';

const text = (maxLength: number, topic: string) =>
  Type.String({
    minLength: 1,
    maxLength,
    description: `Published as the retained topic <root>/<gateway>/sensors/<sensor>/${topic}.`,
  });

const sensorFields = {
  name: Type.Optional(text(128, 'name')),
  group: Type.Optional(text(128, 'group')),
  groupId: Type.Optional(text(64, 'groupId')),
  productNumber: Type.Optional(text(64, 'productNumber')),
};

export const SensorReplacement = Type.Object(sensorFields, closed);
export const SensorUpdate = mergePatchOf(SensorReplacement, { description: 'JSON merge patch; null removes.' });
export const SensorResult = Type.Object({ sensorId: SensorId, ...sensorFields });
export const SensorPage = pageSchema(SensorResult);
export const SensorQuery = Type.Object(pageQuery, closed);
