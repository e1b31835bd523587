export interface Telemetry {
  /** Sends what is buffered and ends the SDK. */
  stop(): Promise<void>;
}

/**
 * Starts the OpenTelemetry SDK when an OTLP endpoint is configured, by the SDK's own environment variables
 * (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, …). Without one, spans are no-ops and cost next to nothing.
 * Traces only: metrics are scraped from `/metrics`, logs go to standard output.
 */
export async function startTelemetry(
  service: string,
  instance: string,
  env: Record<string, string | undefined>,
): Promise<Telemetry> {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint || env.OTEL_SDK_DISABLED === 'true') return { stop: async () => {} };
  // Loaded only now: it is a third of what a service takes to start.
  const [{ NodeSDK }, { envDetector, resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/resources'),
  ]);
  const sdk = new NodeSDK({
    serviceName: env.OTEL_SERVICE_NAME || `gatecast-${service}`,
    resource: resourceFromAttributes({ 'service.namespace': 'gatecast', 'service.instance.id': instance }),
    // Attributes from `OTEL_RESOURCE_ATTRIBUTES`, and nothing about the host.
    resourceDetectors: [envDetector],
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  return { stop: () => sdk.shutdown() };
}
