import type { Clock } from '@gatecast/shared/lifecycle';
import type { WorkspaceRecord } from '@gatecast/shared/model';
import type { KeyValueView } from '@gatecast/shared/nats';
import { type ApiKeyRecord, hashToken, isExpired } from '../domain/access/api-key.ts';
import type { Principal } from '../domain/access/scope.ts';

export interface AuthenticatorOptions {
  apiKeys: KeyValueView<ApiKeyRecord>;
  workspaces: KeyValueView<WorkspaceRecord>;
  /** A key that may do everything, from the operator's file. */
  bootstrapApiKey: string | undefined;
  clock: Clock;
}

const BOOTSTRAP_PRINCIPAL: Principal = { id: 'bootstrap', scopes: ['admin'] };

/** Who a key belongs to. Keys are found by their hash, so that comparing them takes the same time for all. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #bootstrapHash: string | undefined;
  readonly #byHash = new Map<string, ApiKeyRecord>();

  constructor(options: AuthenticatorOptions) {
    const { apiKeys, bootstrapApiKey } = options;
    this.#options = options;
    this.#bootstrapHash = bootstrapApiKey === undefined ? undefined : hashToken(bootstrapApiKey);
    for (const [, { value }] of apiKeys.entries()) this.#byHash.set(value.hash, value);
    apiKeys.onChange(({ current, previous }) => {
      if (previous) this.#byHash.delete(previous.value.hash);
      if (current) this.#byHash.set(current.value.hash, current.value);
    });
  }

  /** Undefined: not a key, no longer one, or of a workspace that is gone. */
  authenticate(key: string): Principal | undefined {
    const hash = hashToken(key);
    if (hash === this.#bootstrapHash) return BOOTSTRAP_PRINCIPAL;
    const record = this.#byHash.get(hash);
    if (!record || isExpired(record, this.#options.clock.now())) return undefined;
    if (!this.#options.workspaces.get(record.workspace)) return undefined;
    return { id: record.id, scopes: record.scopes };
  }
}
