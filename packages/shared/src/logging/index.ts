export { createLogger, LOG_LEVELS, type Logger, type LoggingOptions, type LogLevel } from './logger.ts';
