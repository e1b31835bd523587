const MAX_UTF8_BYTES = 65_535;

/**
 * Why `text` cannot be a UTF-8 string of an MQTT packet; undefined when it can: at most 65,535 bytes, well-formed, no
 * U+0000 [MQTT-1.5.3-1, -2]. Other control characters are refused as well: a broker may close the connection on them
 * (MQTT 3.1.1, 1.5.3), and mosquitto does.
 */
export function mqttTextProblem(text: string): string | undefined {
  if (!text.isWellFormed()) return 'must be well-formed Unicode';
  if (/\p{Cc}/u.test(text)) return 'must not contain control characters';
  if (Buffer.byteLength(text, 'utf8') > MAX_UTF8_BYTES) return `must not be longer than ${MAX_UTF8_BYTES} bytes`;
  return undefined;
}

/** Why `topic` cannot be published to, or stand in front of topics that are; undefined when it can. */
export function topicProblem(topic: string): string | undefined {
  if (topic === '') return 'must not be empty';
  if (/[+#]/.test(topic)) return 'must not contain the wildcards + and #';
  if (topic.startsWith('$')) return 'must not start with $: such topics belong to the broker';
  return mqttTextProblem(topic);
}
