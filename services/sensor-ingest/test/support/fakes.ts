import { createHash } from 'node:crypto';
import type { GatewayRecord } from '@gatecast/shared/model';
import type { GatewayDirectory } from '../../src/domain/gateway-directory.ts';
import type { Appended, ReadingsBatch, ReadingsLog } from '../../src/domain/readings-log.ts';

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export function gatewayRecord(gatewayId: string, token: string, changes: Partial<GatewayRecord> = {}): GatewayRecord {
  return {
    gatewayId,
    workspace: 'acme',
    fleet: 'default',
    incarnation: `${gatewayId}-first`,
    createdAt: '2026-01-01T00:00:00.000Z',
    ingestTokenHash: hashOf(token),
    mqtt: {},
    ...changes,
  };
}

/** Keeps what is appended, and recognises repeats, as the stream does. */
export class FakeReadingsLog implements ReadingsLog {
  readonly stored: ReadingsBatch[] = [];
  connected = true;
  room = true;
  /** Thrown by the next appends, while set. */
  failure: unknown;
  /** Awaited by every append before anything is stored. */
  gate: Promise<void> = Promise.resolve();

  isConnected(): boolean {
    return this.connected;
  }

  hasRoom(): boolean {
    return this.room;
  }

  async append(batch: ReadingsBatch): Promise<Appended> {
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    const found = this.stored.findIndex(({ contentId }) => contentId === batch.contentId);
    if (found >= 0) return { sequence: found + 1, duplicate: true };
    this.stored.push({ ...batch, body: Uint8Array.from(batch.body) });
    return { sequence: this.stored.length, duplicate: false };
  }
}

export class FakeGatewayDirectory implements GatewayDirectory {
  readonly #known = new Map<string, GatewayRecord>();
  readonly #atSource = new Map<string, GatewayRecord>();
  /** Gateways that the source was asked about. */
  readonly asked: string[] = [];
  /** Thrown by the source, while set. */
  failure: unknown;

  /** A gateway that everybody knows of. */
  add(record: GatewayRecord): void {
    this.#known.set(record.gatewayId, record);
    this.#atSource.set(record.gatewayId, record);
  }

  /** A change that only the source knows of yet. */
  addAtSource(record: GatewayRecord): void {
    this.#atSource.set(record.gatewayId, record);
  }

  lookup(gatewayId: string): GatewayRecord | undefined {
    return this.#known.get(gatewayId);
  }

  ownerOfToken(tokenHash: string): string | undefined {
    return [...this.#known.values()].find(({ ingestTokenHash }) => ingestTokenHash === tokenHash)?.gatewayId;
  }

  async lookupAtSource(gatewayId: string): Promise<GatewayRecord | undefined> {
    this.asked.push(gatewayId);
    if (this.failure !== undefined) throw this.failure;
    return this.#atSource.get(gatewayId);
  }
}
