/** What the two commands can fail with. The message says what to do about it; code switches on `code`. */
export const toolchainErrorCodes = /** @type {const} */ ([
  'PLATFORM_UNSUPPORTED',
  'NODE_UNAVAILABLE',
  'NPM_NOT_FOUND',
  'PACKAGE_LOCK_MISSING',
  'INSTALL_FAILED',
  'NATS_BINARY_REFUSED',
  'NATS_UNAVAILABLE',
  'CHART_TOOL_UNAVAILABLE',
  'USAGE',
  'STOPPED',
]);

/** @typedef {(typeof toolchainErrorCodes)[number]} ToolchainErrorCode */

/** A failure whose message is meant for the person who typed the command; anything else is a bug and keeps its stack. */
export class ToolchainError extends Error {
  /**
   * @param {ToolchainErrorCode} code
   * @param {string} message
   * @param {ErrorOptions & { exitCode?: number }} [options]
   */
  constructor(code, message, options = {}) {
    super(message, options);
    this.name = 'ToolchainError';
    /** @type {ToolchainErrorCode} */
    this.code = code;
    this.exitCode = options.exitCode ?? 1;
  }
}
