import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';

const description = `
Settings and status of every gateway’s MQTT integration.

**Authentication.** \`Authorization: Bearer <API key>\`. A key holds scopes: \`admin\` (everything),
\`workspace:<ws>:read\`, \`workspace:<ws>:write\` (includes read). Each operation says what it needs. Objects of a
workspace that the key does not reach answer 404.

**Writes.** Updates are JSON merge patches (RFC 7396): absent = keep, null = remove. ETags are revisions; the MQTT
settings can only be written with If-Match, the others honour it. Unknown fields are refused. A write is answered when
it is stored and the next read here shows it.

**Errors** are RFC 9457 problem details; \`code\` is stable, \`errors\` names each field by JSON Pointer.

**While the store is away** reads go on from memory; writes answer 503 with Retry-After.
`.trim();

/** How the API describes itself: OpenAPI 3.1, from the schemas that requests are checked by. */
export const OPENAPI: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: { title: 'Gatecast configuration API', version: '1', description },
    components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'An API key.' } } },
    security: [{ apiKey: [] }],
    tags: [
      { name: 'Workspaces', description: 'Tenants.' },
      { name: 'Gateways', description: 'Registrations.' },
      { name: 'MQTT integration', description: 'A gateway’s MQTT settings.' },
      { name: 'Status', description: 'What is true of an integration now.' },
      { name: 'Sensors', description: 'Names, groups and product numbers.' },
      { name: 'Dead letters', description: 'What cannot be encoded or delivered.' },
      { name: 'API keys', description: 'Access to a workspace.' },
      { name: 'Fleets', description: 'Sets of gateways, each served by its own publisher.' },
    ],
  },
  transform({ schema, url, route }) {
    const access = route.config?.access;
    if (!schema || access === undefined) return { schema, url };
    const about = typeof schema.description === 'string' ? `${schema.description}\n\n` : '';
    return { schema: { ...schema, description: `${about}Access: \`${access}\`.` }, url };
  },
};
