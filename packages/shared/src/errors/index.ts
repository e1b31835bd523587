export { ERROR_CODES, type ErrorCode } from './codes.ts';
export { GatecastError, type GatecastErrorOptions, isGatecastError } from './gatecast-error.ts';
