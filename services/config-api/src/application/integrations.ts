import { isGatecastError } from '@gatecast/shared/errors';
import { type GatewayRecord, type IntegrationSettings, SECRET_FIELDS, type SecretField } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { Sealer } from '@gatecast/shared/secrets';
import {
  type IntegrationChange,
  type IntegrationReplacement,
  patchIntegration,
  replaceIntegration,
} from '../domain/integration/change.ts';
import { checkIntegration } from '../domain/integration/check.ts';
import { sessionIdentity } from '../domain/integration/client-id.ts';
import type { JsonObject } from '../domain/integration/merge-patch.ts';
import { invalid, Refusal } from '../domain/refusal.ts';
import { type Precondition, requireMatch, requirePrecondition, staleRevision } from '../domain/revision.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import { ofWorkspace } from './gateways.ts';
import { KeyedLock } from './keyed-lock.ts';
import type { Announcer } from './ports.ts';
import type { Records } from './records.ts';

export interface IntegrationsOptions {
  gateways: Records<GatewayRecord>;
  sealer: Sealer;
  announcer: Announcer;
}

/** The MQTT settings of gateways. */
export class Integrations {
  readonly #options: IntegrationsOptions;
  readonly #lock = new KeyedLock();

  constructor(options: IntegrationsOptions) {
    this.#options = options;
  }

  /** Replaces all settings. @throws {Refusal} as {@link patch} */
  replace(
    workspace: string,
    gatewayId: string,
    body: IntegrationReplacement,
    precondition: Precondition | undefined,
  ): Promise<Revisioned<GatewayRecord>> {
    return this.#write(workspace, gatewayId, precondition, (stored) => replaceIntegration(stored, body));
  }

  /**
   * Merges `patch` (RFC 7396) into the settings.
   * @throws {Refusal} `not_found`, `if_match_required`, `stale_revision`, `validation_failed`, `client_id_in_use`
   */
  patch(
    workspace: string,
    gatewayId: string,
    patch: JsonObject,
    precondition: Precondition | undefined,
  ): Promise<Revisioned<GatewayRecord>> {
    return this.#write(workspace, gatewayId, precondition, (stored) => patchIntegration(stored, patch));
  }

  async #write(
    workspace: string,
    gatewayId: string,
    precondition: Precondition | undefined,
    plan: (stored: IntegrationSettings) => IntegrationChange,
  ): Promise<Revisioned<GatewayRecord>> {
    const { gateways, announcer } = this.#options;
    const { value, revision } = ofWorkspace(workspace, await gateways.latest(gatewayId));
    requirePrecondition(precondition);
    requireMatch(precondition, revision);
    const change = plan(value.mqtt);
    const { faults, clientKeyFingerprint } = checkIntegration(gatewayId, value.mqtt, change);
    if (faults.length > 0) throw invalid(faults);
    const sealed = await this.#seal(gatewayId, value.mqtt, change);
    const mqtt: IntegrationSettings = withoutUndefined({ ...change.settings, sealed, clientKeyFingerprint });
    const written = await this.#save({ ...value, mqtt }, revision);
    await announcer.announce(written.value);
    return written;
  }

  /** One writer at a time per client id and host: between the look and the write nobody else takes it. */
  async #save(value: GatewayRecord, revision: number): Promise<Revisioned<GatewayRecord>> {
    const { gateways } = this.#options;
    const identity = sessionIdentity(value);
    const save = async () => {
      if (identity !== undefined) this.#requireUnused(identity, value.gatewayId);
      return { value, revision: await gateways.update(value.gatewayId, value, revision) };
    };
    try {
      return await (identity === undefined ? save() : this.#lock.run(identity, save));
    } catch (error) {
      throw isGatecastError(error, 'REVISION_CONFLICT') ? staleRevision(error) : error;
    }
  }

  #requireUnused(identity: string, gatewayId: string): void {
    for (const [id, { value }] of this.#options.gateways.entries()) {
      if (id === gatewayId || sessionIdentity(value) !== identity) continue;
      throw new Refusal('conflict', 'client_id_in_use', 'Another gateway uses this client id at this host', {
        detail: 'A broker keeps one session per client id: the two would end each other’s. Choose another clientId.',
        faults: [{ pointer: '/clientId', message: 'is in use at this host' }],
      });
    }
  }

  async #seal(
    gatewayId: string,
    stored: IntegrationSettings,
    { secrets }: IntegrationChange,
  ): Promise<IntegrationSettings['sealed']> {
    const sealed: Partial<Record<SecretField, string>> = {};
    for (const field of SECRET_FIELDS) {
      const change = secrets[field];
      const kept = stored.sealed?.[field];
      if (change.kind === 'set') sealed[field] = await this.#options.sealer.seal(gatewayId, field, change.secret);
      else if (change.kind === 'keep' && kept !== undefined) sealed[field] = kept;
    }
    return Object.keys(sealed).length > 0 ? sealed : undefined;
  }
}
