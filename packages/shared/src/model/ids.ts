import Type from 'typebox';

/** Gateways and sensors: what may stand in a NATS subject token and an MQTT topic level without escaping. */
export const ID_PATTERN = '^[A-Za-z0-9_-]{1,64}$';

/** Workspaces and fleets: as above, lower case, since they become Kubernetes names too. */
export const SLUG_PATTERN = '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$';

/** Metric keys, as bases send them. Not `__proto__`: copying such a property in JavaScript sets a prototype instead. */
export const METRIC_PATTERN = '^(?!__proto__$)[a-z0-9_]{1,64}$';

const idRegExp = new RegExp(ID_PATTERN);

export const GatewayId = Type.String({ pattern: ID_PATTERN, description: 'For Aranet bases: the 12-digit serial.' });
export const SensorId = Type.String({ pattern: ID_PATTERN, description: 'For Aranet: upper-case hex such as 3002FA.' });
export const Slug = Type.String({ pattern: SLUG_PATTERN, description: 'Lower-case letters, digits and hyphens.' });

export function isId(text: string): boolean {
  return idRegExp.test(text);
}
