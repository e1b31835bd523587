import type { Clock } from '@gatecast/shared/lifecycle';
import type { WorkspaceRecord } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import { API_KEY_PREFIX, type ApiKeyRecord, hashToken } from '../domain/access/api-key.ts';
import type { Scope } from '../domain/access/scope.ts';
import { type Page, type PageRequest, pageOf } from '../domain/paging.ts';
import { type FieldFault, invalid, missing } from '../domain/refusal.ts';
import type { Precondition } from '../domain/revision.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import type { Randomness } from './ports.ts';
import type { Records } from './records.ts';

export interface ApiKeysOptions {
  apiKeys: Records<ApiKeyRecord>;
  workspaces: Records<WorkspaceRecord>;
  randomness: Randomness;
  clock: Clock;
}

export interface NewApiKey {
  name: string;
  scopes: readonly Scope[];
  expiresAt?: string | undefined;
}

export interface ApiKeyChange {
  name?: string | undefined;
  /** null: never expires */
  expiresAt?: string | null | undefined;
}

/** Keys for a workspace. A key's scopes never reach beyond its workspace. */
export class ApiKeys {
  readonly #options: ApiKeysOptions;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
  }

  list(workspace: string, page: PageRequest): Page<ApiKeyRecord> {
    const { apiKeys } = this.#options;
    this.#requireWorkspace(workspace);
    const ids = [...apiKeys.entries()].filter(([, { value }]) => value.workspace === workspace).map(([id]) => id);
    return pageOf(ids, page, (id) => apiKeys.get(id)?.value);
  }

  /** @throws {Refusal} `not_found` */
  get(workspace: string, id: string): Revisioned<ApiKeyRecord> {
    return ofWorkspace(workspace, this.#options.apiKeys.get(id));
  }

  /** `key` can be read from this answer alone. @throws {Refusal} `not_found` (workspace), `validation_failed` */
  async create(
    workspace: string,
    { name, scopes, expiresAt }: NewApiKey,
  ): Promise<Revisioned<ApiKeyRecord> & { key: string }> {
    const { apiKeys, randomness, clock } = this.#options;
    this.#requireWorkspace(workspace);
    const faults = [...scopeFaults(workspace, scopes), ...this.#expiryFaults(expiresAt)];
    if (faults.length > 0) throw invalid(faults);
    const key = API_KEY_PREFIX + randomness.token();
    const value: ApiKeyRecord = withoutUndefined({
      id: randomness.id(),
      workspace,
      name,
      scopes,
      hash: hashToken(key),
      createdAt: new Date(clock.now()).toISOString(),
      expiresAt: toUtc(expiresAt),
    });
    return { value, revision: await apiKeys.create(value.id, value), key };
  }

  /** @throws {Refusal} `not_found`, `validation_failed`, `stale_revision` */
  update(
    workspace: string,
    id: string,
    { name, expiresAt }: ApiKeyChange,
    precondition: Precondition | undefined,
  ): Promise<Revisioned<ApiKeyRecord>> {
    return this.#options.apiKeys.change(id, precondition, (current) => {
      const { value } = ofWorkspace(workspace, current);
      const faults = this.#expiryFaults(expiresAt ?? undefined);
      if (faults.length > 0) throw invalid(faults);
      const expiry = expiresAt === undefined ? value.expiresAt : toUtc(expiresAt ?? undefined);
      return withoutUndefined({ ...value, name: name ?? value.name, expiresAt: expiry });
    });
  }

  /** Refused from now on. @throws {Refusal} `not_found` */
  async delete(workspace: string, id: string): Promise<void> {
    await this.#options.apiKeys.remove(id, undefined, (current) => {
      ofWorkspace(workspace, current);
    });
  }

  #requireWorkspace(workspace: string): void {
    if (!this.#options.workspaces.get(workspace)) throw missing('workspace');
  }

  #expiryFaults(expiresAt: string | undefined): FieldFault[] {
    if (expiresAt === undefined) return [];
    const time = Date.parse(expiresAt);
    if (Number.isNaN(time)) return [{ pointer: '/expiresAt', message: 'is not a date and time' }];
    return time > this.#options.clock.now() ? [] : [{ pointer: '/expiresAt', message: 'must be in the future' }];
  }
}

function ofWorkspace(workspace: string, found: Revisioned<ApiKeyRecord> | undefined): Revisioned<ApiKeyRecord> {
  if (found?.value.workspace !== workspace) throw missing('API key');
  return found;
}

function scopeFaults(workspace: string, scopes: readonly Scope[]): FieldFault[] {
  const faults: FieldFault[] = [];
  for (const [index, scope] of scopes.entries()) {
    if (scope === `workspace:${workspace}:read` || scope === `workspace:${workspace}:write`) continue;
    faults.push({ pointer: `/scopes/${index}`, message: `must be workspace:${workspace}:read or :write` });
  }
  return faults;
}

function toUtc(time: string | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString();
}
