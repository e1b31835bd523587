import { Slug } from '@gatecast/shared/model';
import Type from 'typebox';
import { type Scope, WORKSPACE_SCOPE_PATTERN } from '../../../domain/access/scope.ts';
import { closed, DateTime, mergePatchOf, pageQuery, pageSchema } from '../schemas.ts';

export const ApiKeyParams = Type.Object({ ws: Slug, key: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }) });

const name = Type.String({ minLength: 1, maxLength: 128, description: 'What the key is for.' });
const expiresAt = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,3})?)?(Z|[+-]\\d{2}:\\d{2})$',
  description: 'ISO 8601 with a time zone. Without it the key does not expire.',
});
const scope = Type.Unsafe<Scope>({
  type: 'string',
  pattern: WORKSPACE_SCOPE_PATTERN,
  description: 'workspace:<ws>:read or workspace:<ws>:write (which includes read), of this workspace.',
});
const scopes = Type.Array(scope, { minItems: 1, maxItems: 8 });

export const ApiKeyCreate = Type.Object({ name, scopes, expiresAt: Type.Optional(expiresAt) }, closed);

const ApiKeyChange = Type.Object({ name: Type.Optional(name), expiresAt: Type.Optional(expiresAt) }, closed);
export const ApiKeyUpdate = mergePatchOf(ApiKeyChange, {
  description: 'JSON merge patch; expiresAt null: never expires.',
});

const apiKeyFields = {
  id: Type.String(),
  workspace: Slug,
  name: Type.String(),
  scopes: Type.Array(Type.Unsafe<Scope>({ type: 'string' })),
  createdAt: DateTime('When it was created.'),
  expiresAt: Type.Optional(DateTime('When it is refused from.')),
};

export const ApiKeyResult = Type.Object(apiKeyFields);
export const ApiKeyCreated = Type.Object({
  ...apiKeyFields,
  key: Type.String({ description: 'The key itself. Shown once, stored nowhere.' }),
});
export const ApiKeyPage = pageSchema(ApiKeyResult);
export const ApiKeyQuery = Type.Object(pageQuery, closed);
