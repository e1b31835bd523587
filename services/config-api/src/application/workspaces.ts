import { isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { GatewayRecord, WorkspaceRecord } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { ApiKeyRecord } from '../domain/access/api-key.ts';
import { type Page, type PageRequest, pageOf } from '../domain/paging.ts';
import { missing, Refusal } from '../domain/refusal.ts';
import type { Precondition } from '../domain/revision.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import type { Records } from './records.ts';

export interface WorkspacesOptions {
  workspaces: Records<WorkspaceRecord>;
  gateways: Records<GatewayRecord>;
  apiKeys: Records<ApiKeyRecord>;
  clock: Clock;
}

/** Tenants. */
export class Workspaces {
  readonly #options: WorkspacesOptions;

  constructor(options: WorkspacesOptions) {
    this.#options = options;
  }

  list(page: PageRequest, isVisible: (workspace: string) => boolean): Page<WorkspaceRecord> {
    const { workspaces } = this.#options;
    const ids = [...workspaces.entries()].map(([id]) => id).filter(isVisible);
    return pageOf(ids, page, (id) => workspaces.get(id)?.value);
  }

  /** Whether there is no workspace at all. */
  isEmpty(): boolean {
    return this.#options.workspaces.entries().next().done === true;
  }

  /** @throws {Refusal} `not_found` */
  get(workspace: string): Revisioned<WorkspaceRecord> {
    const found = this.#options.workspaces.get(workspace);
    if (!found) throw missing('workspace');
    return found;
  }

  /** @throws {Refusal} `workspace_exists` */
  async create(workspace: string, name: string | undefined): Promise<Revisioned<WorkspaceRecord>> {
    const { workspaces, clock } = this.#options;
    const value = withoutUndefined({ workspace, name, createdAt: new Date(clock.now()).toISOString() });
    try {
      return { value, revision: await workspaces.create(workspace, value) };
    } catch (error) {
      if (!isGatecastError(error, 'REVISION_CONFLICT')) throw error;
      throw new Refusal('conflict', 'workspace_exists', 'There is a workspace of this name already', { cause: error });
    }
  }

  /** `name` null removes it. @throws {Refusal} `not_found`, `stale_revision` */
  rename(
    workspace: string,
    name: string | null | undefined,
    precondition: Precondition | undefined,
  ): Promise<Revisioned<WorkspaceRecord>> {
    return this.#options.workspaces.change(workspace, precondition, (current) => {
      if (!current) throw missing('workspace');
      if (name === undefined) return current.value;
      return withoutUndefined({ ...current.value, name: name ?? undefined });
    });
  }

  /**
   * Removes a workspace and its API keys: the keys first, so that none outlives it and opens a later workspace of the
   * same name.
   * @throws {Refusal} `not_found`, `workspace_not_empty`
   */
  async delete(workspace: string): Promise<void> {
    const { workspaces, gateways, apiKeys } = this.#options;
    const current = await workspaces.latest(workspace);
    if (!current) throw missing('workspace');
    for (const [, { value }] of gateways.entries()) {
      if (value.workspace === workspace) {
        throw new Refusal('conflict', 'workspace_not_empty', 'The workspace still has gateways');
      }
    }
    for (const [id, { value, revision }] of [...apiKeys.entries()]) {
      if (value.workspace === workspace) await apiKeys.delete(id, revision);
    }
    await workspaces.delete(workspace, current.revision);
  }
}
