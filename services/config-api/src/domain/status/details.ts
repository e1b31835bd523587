import {
  type BrokerLimits,
  completeIntegration,
  type GatewayRecord,
  type MeasurementFormat,
  type ProtocolVersion,
  type StatusCode,
} from '@gatecast/shared/model';
import { type Fingerprints, fingerprintsOf } from '../integration/fingerprints.ts';
import { withoutUndefined } from '../without-undefined.ts';
import type { CombinedStatus } from './combine.ts';

export type Indicator = 'green' | 'yellow' | 'red' | 'grey';
export type Authentication = 'none' | 'password' | 'certificate' | 'both';

/** The values behind the panel, for programs. */
export interface DetailValues {
  status: { code: StatusCode; text: string; message: string; active: boolean; indicator: Indicator };
  updated: string;
  host?: string;
  port: number;
  authentication: Authentication;
  rootTopic: string;
  protocolVersion: ProtocolVersion;
  keepAliveSeconds: { configured: number; broker?: number };
  format: MeasurementFormat;
  qos: 0 | 1 | 2;
  lwtRetain: boolean;
  brokerLimits?: BrokerLimits;
  silentSince?: string;
  fingerprints: Fingerprints;
}

/** One row of the display's panel: the manual's label, and what stands beside it. */
export interface DetailRow {
  key: string;
  label: string;
  text: string;
}

export interface Details {
  /** In the order of the display. */
  rows: DetailRow[];
  values: DetailValues;
}

const STATUS_TEXT: Record<StatusCode, string> = {
  MQTT_INFO_NO_ERR: 'Active',
  MQTT_INFO_SELF_INIT_DISCONN: 'Active',
  MQTT_INFO_DISABLED_BY_USER: 'Disabled',
  MQTT_WARNING_CONNECTING: 'Connecting',
  MQTT_ERROR_CONN_REFUSED: 'Connection refused',
  MQTT_ERROR_AUTH_FAILED: 'Authentication failed',
  MQTT_ERROR_HOST_UNREACHABLE: 'Host unreachable',
  MQTT_ERROR_UNEXP_DISCONN: 'Unexpected disconnect',
};

const FORMAT_TEXT: Record<MeasurementFormat, string> = { raw: 'Raw', json: 'JSON', azure: 'Azure IoT' };

const AUTHENTICATION_TEXT: Record<Authentication, string> = {
  none: 'None',
  password: 'Password',
  certificate: 'Certificate',
  both: 'Password and certificate',
};

const QOS_TEXT = ['0 (at most once)', '1 (at least once)', '2 (exactly once)'] as const;
const NOTHING = '–';

/** The panel "MQTT details" of a gateway's display, row by row under the manual's labels. */
export function detailsOf(gateway: GatewayRecord, status: CombinedStatus): Details {
  const values = valuesOf(gateway, status);
  return { rows: rowsOf(values), values };
}

function valuesOf({ gatewayId, mqtt }: GatewayRecord, status: CombinedStatus): DetailValues {
  const { host, port, tls, username, rootTopic, protocolVersion, keepAliveSeconds, format, qos, will } =
    completeIntegration(gatewayId, mqtt);
  const { code, message, active } = status;
  const hasCertificate = tls.enabled && tls.clientCertificate !== undefined;
  const hasPassword = username !== undefined || mqtt.sealed?.password !== undefined;
  const broker = protocolVersion === '5' ? status.serverKeepAliveSeconds : undefined;
  return withoutUndefined({
    status: { code, text: STATUS_TEXT[code], message, active, indicator: indicatorOf(code, active) },
    updated: status.updated,
    host,
    port,
    authentication: authenticationOf(hasPassword, hasCertificate),
    rootTopic,
    protocolVersion,
    keepAliveSeconds: withoutUndefined({ configured: keepAliveSeconds, broker }),
    format,
    qos,
    lwtRetain: will.enabled && will.retain,
    brokerLimits: status.brokerLimits,
    silentSince: status.silentSince,
    fingerprints: fingerprintsOf(mqtt),
  });
}

function rowsOf(values: DetailValues): DetailRow[] {
  const { configured, broker } = values.keepAliveSeconds;
  const { caCertificate, clientCertificate, clientKey } = values.fingerprints;
  const { qos, willRetain } = values.brokerLimits ?? {};
  const lwtRetain = values.lwtRetain ? 'Yes' : 'No';
  const row = (key: string, label: string, text: string): DetailRow => ({ key, label, text });
  return [
    row('status', 'Status', values.status.text),
    row('updated', 'Updated', values.updated),
    row('host', 'Host', values.host ?? NOTHING),
    row('authentication', 'Authentication', AUTHENTICATION_TEXT[values.authentication]),
    row('rootTopic', 'Root topic', values.rootTopic),
    row('protocolVersion', 'Protocol version', values.protocolVersion),
    row('keepAlive', 'Keep alive', broker === undefined ? `${configured} s` : `${configured} s (broker: ${broker} s)`),
    row('format', 'Sensor measurement format', FORMAT_TEXT[values.format]),
    row('qos', 'QoS level', qos === undefined ? QOS_TEXT[values.qos] : `${QOS_TEXT[values.qos]} (broker: ${qos})`),
    row('lwtRetain', 'LWT retain', willRetain === undefined ? lwtRetain : `${lwtRetain} (broker: no)`),
    row('hostCaCertFp', 'Host CA cert FP', fingerprintText(caCertificate?.sha256)),
    row('clientCertFp', 'Client cert FP', fingerprintText(clientCertificate?.sha256)),
    row('clientKeyFp', 'Client key FP', fingerprintText(clientKey?.sha256)),
  ];
}

function indicatorOf(code: StatusCode, active: boolean): Indicator {
  if (active) return 'green';
  if (code === 'MQTT_INFO_DISABLED_BY_USER') return 'grey';
  return code.startsWith('MQTT_WARNING_') ? 'yellow' : 'red';
}

function authenticationOf(hasPassword: boolean, hasCertificate: boolean): Authentication {
  if (hasPassword && hasCertificate) return 'both';
  if (hasPassword) return 'password';
  return hasCertificate ? 'certificate' : 'none';
}

/** As `openssl x509 -fingerprint -sha256` prints it. */
function fingerprintText(sha256: string | undefined): string {
  return sha256 === undefined ? NOTHING : (sha256.toUpperCase().match(/../g) ?? []).join(':');
}
