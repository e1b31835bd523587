import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';

/** What sensor-ingest tells Prometheus. Gateway ids are never labels. */
export class IngestMetrics {
  /** `accepted`, `repeat`, or the `code` of the problem that was answered. */
  readonly requests: Counter<'outcome'>;
  readonly readings: Counter;
  readonly bytes: Counter;
  readonly publishSeconds: Histogram;
  readonly tokenLookups: Counter<'result'>;
  readonly storageUsed: Gauge<'stream'>;
  readonly pendingBytes: Gauge;
  readonly gatewaysBehind: Gauge;
  readonly unencodedAge: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.requests = new Counter({
      name: 'gatecast_ingest_requests_total',
      help: 'Requests by outcome: accepted, repeat, or the code of the problem that was answered.',
      labelNames: ['outcome'],
      registers,
    });
    this.readings = new Counter({
      name: 'gatecast_ingest_readings_total',
      help: 'Readings accepted, without those of repeated requests.',
      registers,
    });
    this.bytes = new Counter({
      name: 'gatecast_ingest_stored_bytes_total',
      help: 'Bytes of bodies stored, inflated.',
      registers,
    });
    this.publishSeconds = new Histogram({
      name: 'gatecast_ingest_publish_duration_seconds',
      help: 'Time from sending a batch to NATS until it was acknowledged or refused.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    });
    this.tokenLookups = new Counter({
      name: 'gatecast_ingest_token_lookups_total',
      help: 'Tokens not known here, by what was done: asked NATS, remembered its last answer, skipped for their number.',
      labelNames: ['result'],
      registers,
    });
    this.storageUsed = new Gauge({
      name: 'gatecast_ingest_storage_used_ratio',
      help: 'How full the stream that readings go into was when last looked at, 0 to 1.',
      labelNames: ['stream'],
      registers,
    });
    this.pendingBytes = new Gauge({
      name: 'gatecast_ingest_pending_bytes',
      help: 'Bytes of bodies in memory that wait to be stored.',
      registers,
    });
    this.gatewaysBehind = new Gauge({
      name: 'gatecast_ingest_gateways_behind',
      help: 'Gateways whose requests are refused because accepted ones wait too long for the encoder.',
      registers,
    });
    this.unencodedAge = new Gauge({
      name: 'gatecast_ingest_oldest_unencoded_seconds',
      help: 'Age of the oldest request accepted by this process that was not encoded at the last look.',
      registers,
    });
  }
}
