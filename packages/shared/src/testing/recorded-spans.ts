import { NodeSDK } from '@opentelemetry/sdk-node';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';

let exporter: InMemorySpanExporter | undefined;

/**
 * What this process traces, from the first call on; `reset()` empties it. OpenTelemetry takes one SDK a process, and test
 * files may share one: so it is started once, and stays.
 */
export function recordedSpans(): InMemorySpanExporter {
  if (!exporter) {
    exporter = new InMemorySpanExporter();
    new NodeSDK({
      spanProcessors: [new SimpleSpanProcessor({ exporter })],
      autoDetectResources: false,
      instrumentations: [],
      metricReaders: [],
      logRecordProcessors: [],
    }).start();
  }
  return exporter;
}
