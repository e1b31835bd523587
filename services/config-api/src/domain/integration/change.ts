import {
  type IntegrationInput,
  type IntegrationSettings,
  NEWEST_LAYOUT_VERSION,
  type SecretField,
} from '@gatecast/shared/model';
import { type JsonObject, mergePatch } from './merge-patch.ts';

/** What a request says of a secret, which can be written and never read back: absent = keep. */
export type SecretChange = { kind: 'keep' } | { kind: 'remove' } | { kind: 'set'; secret: string };

/** New settings, not checked yet. */
export interface IntegrationChange {
  settings: IntegrationInput;
  secrets: Readonly<Record<SecretField, SecretChange>>;
}

/** Full settings with the write-only fields among them; null removes a stored secret. */
export interface IntegrationReplacement extends Omit<IntegrationInput, 'tls'> {
  tls?: IntegrationInput['tls'] & { clientKey?: string | null };
  password?: string | null;
}

/** Settings that may be read back: everything stored but the sealed secrets and what belongs to them. */
export function readableSettings(stored: IntegrationSettings): IntegrationInput {
  const { sealed: _sealed, clientKeyFingerprint: _fingerprint, ...settings } = stored;
  return settings;
}

/** The settings of a new gateway: nothing but the layout, so that an upgrade never changes it unasked. */
export function initialIntegration(): IntegrationSettings {
  return { advanced: { layoutVersion: NEWEST_LAYOUT_VERSION } };
}

/**
 * Everything is replaced, except what the caller cannot know or must not lose: a stored secret that the request leaves
 * out is kept (it could not have been echoed), and so is the layout version.
 */
export function replaceIntegration(stored: IntegrationSettings, body: IntegrationReplacement): IntegrationChange {
  const { settings, secrets } = takeSecrets(body as JsonObject);
  return settle(stored, settings as IntegrationInput, secrets);
}

/** `patch` is a JSON merge patch over the settings, secrets included. */
export function patchIntegration(stored: IntegrationSettings, patch: JsonObject): IntegrationChange {
  const { settings, secrets } = takeSecrets(patch);
  return settle(stored, mergePatch(readableSettings(stored), settings) as IntegrationInput, secrets);
}

function takeSecrets(body: JsonObject): { settings: JsonObject; secrets: Record<SecretField, SecretChange> } {
  const { password, ...settings } = body;
  const secrets = { password: secretChange(password), 'tls.clientKey': secretChange(undefined) };
  const { tls } = settings;
  if (tls === null) secrets['tls.clientKey'] = { kind: 'remove' };
  if (typeof tls !== 'object' || tls === null) return { settings, secrets };
  const { clientKey, ...otherTls } = tls as JsonObject;
  secrets['tls.clientKey'] = secretChange(clientKey);
  return { settings: { ...settings, tls: otherTls }, secrets };
}

function secretChange(value: unknown): SecretChange {
  if (value === undefined) return { kind: 'keep' };
  return typeof value === 'string' ? { kind: 'set', secret: value } : { kind: 'remove' };
}

/** A kept secret goes with what it belongs to: a user name that is removed takes its password along. */
function settle(
  stored: IntegrationSettings,
  settings: IntegrationInput,
  secrets: Record<SecretField, SecretChange>,
): IntegrationChange {
  const layoutVersion = settings.advanced?.layoutVersion ?? stored.advanced?.layoutVersion ?? NEWEST_LAYOUT_VERSION;
  const keptOr = (field: SecretField, owner: string | undefined, formerOwner: string | undefined): SecretChange => {
    const asked = secrets[field];
    if (asked.kind !== 'keep') return asked;
    const orphaned = owner === undefined && formerOwner !== undefined;
    return stored.sealed?.[field] === undefined || orphaned ? { kind: 'remove' } : asked;
  };
  return {
    settings: { ...settings, advanced: { ...settings.advanced, layoutVersion } },
    secrets: {
      password: keptOr('password', settings.username, stored.username),
      'tls.clientKey': keptOr('tls.clientKey', settings.tls?.clientCertificate, stored.tls?.clientCertificate),
    },
  };
}
