import { completeIntegration, type IntegrationSettings } from '@gatecast/shared/model';
import type { FieldFault } from '../refusal.ts';
import { fingerprintOfPrivateKey, parseCertificates } from './certificates.ts';
import type { IntegrationChange } from './change.ts';
import { hostProblem } from './host.ts';
import { mqttTextProblem, topicProblem } from './mqtt-text.ts';
import { profileFaults } from './profiles.ts';

export interface CheckedIntegration {
  /** Every field that is wrong; empty when the change may be saved. */
  faults: FieldFault[];
  /** Of the client key that will be in force; undefined when there is none, or it cannot be read. */
  clientKeyFingerprint: string | undefined;
}

/**
 * The rules that no schema can state: formats, and how fields go together. All faults at once. Expired certificates
 * are accepted, with their end in the fingerprints: the broker decides, and a clock here that is wrong must not keep
 * anybody from saving.
 */
export function checkIntegration(
  gatewayId: string,
  stored: IntegrationSettings,
  change: IntegrationChange,
): CheckedIntegration {
  const key = clientKeyInForce(stored, change);
  const faults = [
    ...textFaults(change),
    ...togetherFaults(change),
    ...key.faults,
    ...certificateFaults(change, key.fingerprint),
    ...profileFaults(completeIntegration(gatewayId, change.settings)),
  ];
  return { faults, clientKeyFingerprint: key.fingerprint };
}

function textFaults({ settings, secrets }: IntegrationChange): FieldFault[] {
  const password = secrets.password.kind === 'set' ? secrets.password.secret : undefined;
  const rules: [pointer: string, value: string | undefined, problem: (value: string) => string | undefined][] = [
    ['/host', settings.host, hostProblem],
    ['/tls/serverName', settings.tls?.serverName, hostProblem],
    ['/username', settings.username, mqttTextProblem],
    ['/password', password, passwordProblem],
    ['/clientId', settings.clientId, mqttTextProblem],
    ['/rootTopic', settings.rootTopic, topicProblem],
    ['/will/topic', settings.will?.topic, topicProblem],
  ];
  return rules.flatMap(([pointer, value, problem]) => {
    const message = value === undefined ? undefined : problem(value);
    return message === undefined ? [] : [{ pointer, message }];
  });
}

/** Binary data to MQTT, of at most 65,535 bytes; what is not well-formed would arrive as something else. */
function passwordProblem(password: string): string | undefined {
  if (!password.isWellFormed()) return 'must be well-formed Unicode';
  return Buffer.byteLength(password, 'utf8') > 65_535 ? 'must not be longer than 65535 bytes' : undefined;
}

function togetherFaults({ settings, secrets }: IntegrationChange): FieldFault[] {
  const faults: FieldFault[] = [];
  if (settings.enabled === true && settings.host === undefined) {
    faults.push({ pointer: '/host', message: 'is required when enabled is true' });
  }
  const is311 = (settings.protocolVersion ?? '3.1.1') === '3.1.1';
  if (secrets.password.kind !== 'remove' && settings.username === undefined && is311) {
    const message = 'needs a username: MQTT 3.1.1 has no password without one [MQTT-3.1.2-22]; null removes it';
    faults.push({ pointer: '/password', message });
  }
  const hasCertificate = settings.tls?.clientCertificate !== undefined;
  const hasKey = secrets['tls.clientKey'].kind !== 'remove';
  if (hasCertificate && !hasKey) {
    faults.push({ pointer: '/tls/clientKey', message: 'is required with tls.clientCertificate' });
  }
  if (hasKey && !hasCertificate) {
    faults.push({ pointer: '/tls/clientCertificate', message: 'is required with tls.clientKey; null removes the key' });
  }
  return faults;
}

function clientKeyInForce(
  stored: IntegrationSettings,
  { secrets }: IntegrationChange,
): { fingerprint: string | undefined; faults: FieldFault[] } {
  const key = secrets['tls.clientKey'];
  if (key.kind === 'remove') return { fingerprint: undefined, faults: [] };
  if (key.kind === 'keep') return { fingerprint: stored.clientKeyFingerprint, faults: [] };
  const parsed = fingerprintOfPrivateKey(key.secret);
  if (parsed.ok) return { fingerprint: parsed.value, faults: [] };
  return { fingerprint: undefined, faults: [{ pointer: '/tls/clientKey', message: parsed.problem }] };
}

function certificateFaults({ settings, secrets }: IntegrationChange, keyFingerprint: string | undefined): FieldFault[] {
  const faults: FieldFault[] = [];
  const { caCertificate, clientCertificate } = settings.tls ?? {};
  const ca = caCertificate === undefined ? undefined : parseCertificates(caCertificate);
  if (ca && !ca.ok) faults.push({ pointer: '/tls/caCertificate', message: ca.problem });
  const client = clientCertificate === undefined ? undefined : parseCertificates(clientCertificate);
  if (client && !client.ok) faults.push({ pointer: '/tls/clientCertificate', message: client.problem });
  if (client?.ok && keyFingerprint !== undefined && client.value[0].keySha256 !== keyFingerprint) {
    const which = secrets['tls.clientKey'].kind === 'keep' ? 'the stored tls.clientKey' : 'tls.clientKey';
    const message = `was issued for another key than ${which}; the client's own certificate stands first in a chain`;
    faults.push({ pointer: '/tls/clientCertificate', message });
  }
  return faults;
}
