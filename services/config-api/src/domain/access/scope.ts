import { SLUG_PATTERN } from '@gatecast/shared/model';

/** `admin`: everything. `workspace:<ws>:read`: that workspace's objects. `workspace:<ws>:write`: change them too. */
export type Scope = 'admin' | `workspace:${string}:read` | `workspace:${string}:write`;

export const WORKSPACE_SCOPE_PATTERN = `^workspace:${SLUG_PATTERN.slice(1, -1)}:(read|write)$`;

/**
 * What a route asks of its caller.
 * - `admin`: the deployment's own affairs.
 * - `workspace:read`, `workspace:write`: an object of the workspace in the route's path.
 * - `authenticated`: any key; the handler shows only what the key may see.
 * - `public`: no key.
 */
export type Access = 'admin' | 'workspace:read' | 'workspace:write' | 'authenticated' | 'public';

export interface Principal {
  /** Id of the API key. */
  id: string;
  scopes: readonly Scope[];
}

/** `hidden`: the caller may not even learn whether the object exists. */
export type AccessDecision = 'granted' | 'forbidden' | 'hidden';

/** Whether `principal` may use a route that asks for `access` to an object of `workspace`. Denies what it does not know. */
export function decideAccess(principal: Principal, access: Access, workspace: string | undefined): AccessDecision {
  if (principal.scopes.includes('admin')) return 'granted';
  switch (access) {
    case 'public':
    case 'authenticated':
      return 'granted';
    case 'workspace:read':
    case 'workspace:write': {
      if (workspace === undefined || !canRead(principal, workspace)) return 'hidden';
      return access === 'workspace:read' || canWrite(principal, workspace) ? 'granted' : 'forbidden';
    }
    default:
      return 'forbidden';
  }
}

/** Whether a workspace is visible to `principal`: to write is to read. */
export function canRead(principal: Principal, workspace: string): boolean {
  return (
    principal.scopes.includes('admin') ||
    canWrite(principal, workspace) ||
    principal.scopes.includes(`workspace:${workspace}:read`)
  );
}

function canWrite(principal: Principal, workspace: string): boolean {
  return principal.scopes.includes(`workspace:${workspace}:write`);
}
