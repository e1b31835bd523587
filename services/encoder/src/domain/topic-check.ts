import type { ProfileRules } from './profile-rules.ts';

export type TopicRefusal = 'topic_invalid' | 'topic_too_long' | 'topic_too_deep';

/** Wildcards and U+0000 [MQTT-3.3.2-2, MQTT-1.5.3-2]; other control characters make brokers close (mosquitto does). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const FORBIDDEN = /[+#\u0000-\u001f\u007f-\u009f]/;

/**
 * Why a broker would not take a PUBLISH to `topic`; undefined when it would.
 * @param roomBytes what will still be appended to it
 */
export function topicRefusal(topic: string, rules: ProfileRules, roomBytes = 0): TopicRefusal | undefined {
  if (topic === '' || topic.startsWith('$') || FORBIDDEN.test(topic) || !topic.isWellFormed()) return 'topic_invalid';
  if (Buffer.byteLength(topic) + roomBytes > rules.maxTopicBytes) return 'topic_too_long';
  if (slashesIn(topic) > rules.maxTopicSlashes) return 'topic_too_deep';
  return undefined;
}

function slashesIn(topic: string): number {
  let count = 0;
  for (let at = topic.indexOf('/'); at >= 0; at = topic.indexOf('/', at + 1)) count += 1;
  return count;
}
