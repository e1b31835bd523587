import { trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields that never reach a log line, wherever an object holds them. */
const SECRET_PATHS = ['password', 'clientKey', 'sealed', 'token', 'authorization', 'ingestTokenHash'].flatMap(
  (name) => [name, `*.${name}`, `*.*.${name}`],
);

export interface LoggingOptions {
  service: string;
  instance: string;
  level: LogLevel;
}

/** JSON lines on standard output (or `destination`), with `trace_id` of the active span. */
export function createLogger({ service, instance, level }: LoggingOptions, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: { service, instance },
    messageKey: 'message',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRET_PATHS, censor: '[secret]' },
    mixin() {
      const span = trace.getActiveSpan()?.spanContext();
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
    },
  };
  return destination ? pino(options, destination) : pino(options);
}
