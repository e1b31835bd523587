import { describe, expect, it } from 'vitest';
import { mqttTextProblem, topicProblem } from '../../../src/domain/integration/mqtt-text.ts';

describe('mqttTextProblem', () => {
  it.each(['plain', 'größe/温度', '🌡', 'a'.repeat(65_535)])('accepts %.20s', (text) => {
    expect(mqttTextProblem(text)).toBeUndefined();
  });

  it.each([
    ['a\u0000b', /control characters/],
    ['a\nb', /control characters/],
    ['a\u0085b', /control characters/],
    ['\ud800', /well-formed/],
    ['ä'.repeat(32_768), /65535 bytes/],
  ])('refuses %.20j', (text, problem) => {
    expect(mqttTextProblem(text)).toMatch(problem);
  });
});

describe('topicProblem', () => {
  it.each(['Aranet', 'a/b/c', '/leading', 'trailing/', 'with $ inside', 'with space'])('accepts %s', (topic) => {
    expect(topicProblem(topic)).toBeUndefined();
  });

  it.each([
    ['', /empty/],
    ['a/+/b', /wildcards/],
    ['a/#', /wildcards/],
    ['$SYS/x', /start with \$/],
    ['a\u0000', /control characters/],
  ])('refuses %j', (topic, problem) => {
    expect(topicProblem(topic)).toMatch(problem);
  });
});
