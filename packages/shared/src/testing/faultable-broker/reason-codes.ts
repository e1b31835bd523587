/** Reason codes of MQTT 5 (section 2.4) that this broker gives by itself. Tests may have it answer any other. */
export const REASON = {
  success: 0x00,
  disconnectWithWill: 0x04,
  error: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  serverShuttingDown: 0x8b,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicNameInvalid: 0x90,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
} as const;

/** CONNACK return codes of MQTT 3.1.1 (section 3.2.2.3) that this broker gives by itself. */
export const RETURN_CODE = { accepted: 0, identifierRejected: 2, badUserNameOrPassword: 4 } as const;
