import type { Problem } from '@gatecast/shared/http';
import type {
  BrokerLimits,
  IntegrationInput,
  SensorInfo,
  StatusClass,
  StatusCode,
  StatusReason,
} from '@gatecast/shared/model';

/*
 * What config-api takes and answers, as a client sees it: `/openapi.json` describes the same in full. Times are
 * ISO 8601.
 */

/** JSON merge patch (RFC 7396): absent stays as it is, null goes back to the default. */
export type MergePatch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [Key in keyof T]?: MergePatch<Exclude<T[Key], undefined>> | null }
    : T;

/** Settings of an integration as they are written, secrets among them. */
export type IntegrationWrite = Omit<IntegrationInput, 'tls'> & {
  tls?: NonNullable<IntegrationInput['tls']> & { clientKey?: string | null };
  password?: string | null;
};

interface CertificateFingerprint {
  sha256: string;
  subject: string;
  notAfter: string;
}

interface Fingerprints {
  caCertificate?: CertificateFingerprint;
  additionalCaCertificates?: CertificateFingerprint[];
  clientCertificate?: CertificateFingerprint;
  clientKey?: { sha256: string };
}

/** Settings of an integration as they are read: sparse, without secrets. */
export type IntegrationRead = IntegrationInput & { passwordSet: boolean; fingerprints: Fingerprints };

export interface WorkspaceRead {
  workspace: string;
  name?: string;
  createdAt: string;
}

export interface FleetRead {
  fleet: string;
  description?: string;
  createdAt: string;
  declared?: boolean;
}

export interface StatusSummary {
  code: StatusCode;
  class: StatusClass;
  reason: StatusReason;
  /** Green on the display. */
  active: boolean;
  since: string;
  updated: string;
}

export interface StatusRead extends StatusSummary {
  message: string;
  host?: string;
  attempt: number;
  nextAttemptAt?: string;
  serverKeepAliveSeconds?: number;
  brokerLimits?: BrokerLimits;
  silentSince?: string;
  delivered: number;
  lastDeliveredAt?: string;
  backlog: { messages: number; oldest?: string; lost: number };
  owner?: { instance: string; epoch: number };
}

export interface GatewayWrite {
  gatewayId: string;
  name?: string;
  /** Default: the default fleet. */
  fleet?: string;
}

export interface GatewayRead {
  gatewayId: string;
  workspace: string;
  fleet: string;
  /** While it is on its way from there. */
  movingFrom?: string;
  name?: string;
  createdAt: string;
  online: boolean;
  lastSeenAt?: string;
  firmwareVersion?: string;
  /** The configured broker. */
  host?: string;
  status: StatusSummary;
}

export interface GatewayCreated extends GatewayRead {
  ingestToken: string;
}

export interface GatewayFilter {
  fleet?: string;
  code?: StatusCode;
  class?: StatusClass;
  host?: string;
  q?: string;
}

export interface DetailsRead {
  /** The panel of the gateway's display: the manual's labels, in its order. */
  rows: { key: string; label: string; text: string }[];
  values: Record<string, unknown> & {
    status: { code: StatusCode; text: string; message: string; active: boolean; indicator: string };
  };
}

export interface HistoryEntry {
  id: number;
  time: string;
  code: StatusCode;
  class: StatusClass;
  reason: StatusReason;
  message: string;
  host?: string;
  attempt: number;
}

export type SensorRead = SensorInfo & { sensorId: string };

export interface Page<T> {
  items: T[];
  nextCursor?: string;
}

/** A resource together with the revision that a later write may insist on. */
export interface Versioned<T> {
  value: T;
  /** For `If-Match`. */
  etag: string;
}

export type { Problem };
