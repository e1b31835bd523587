import type { IntegrationSettings } from './integration.ts';

/**
 * Record of the bucket `integrations`, keyed by gateway id: a gateway's registration together with its MQTT settings,
 * so that one write is one change and one revision names it. That revision is the ETag of the REST resources and the
 * `Gatecast-Settings` of everything encoded by it.
 */
export interface GatewayRecord {
  gatewayId: string;
  workspace: string;
  fleet: string;
  /** The fleet that it was in before, if it was ever moved. It may still be on its way. */
  movedFrom?: string;
  /** How often it was moved to another fleet; absent: never. Tells its lines apart, also when it comes back. */
  moves?: number;
  /** New at each registration of this id: tells a re-created gateway's messages from its former life's. */
  incarnation: string;
  name?: string;
  /** ISO 8601. */
  createdAt: string;
  /** SHA-256, hex, of the token with which the gateway sends its readings. */
  ingestTokenHash: string;
  mqtt: IntegrationSettings;
}
