/** Whether `topic` matches `filter`, by the rules of section 4.7 of MQTT 3.1.1 and 5. */
export function topicMatches(filter: string, topic: string): boolean {
  // [MQTT-4.7.2-1]: a wildcard in front does not reach $SYS and the like
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false;
  const levels = topic.split('/');
  const wanted = filter.split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}
