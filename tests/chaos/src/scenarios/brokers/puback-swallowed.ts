import type { Scenario } from '../../scenario.ts';

const ACK_TIMEOUT_SECONDS = 3;

export const pubackSwallowed: Scenario = {
  name: 'puback-swallowed',
  group: 'brokers',
  title: 'one PUBACK of each gateway never comes; the session is reset within its deadline + 1 s',
  setup: { brokers: [{ mqtt: { advanced: { ackTimeoutSeconds: ACK_TIMEOUT_SECONDS } } }] },
  promises: { connects: 2 },
  async faults(run) {
    const { faultable } = run.broker;
    const swallowed = new Map<string, number>();
    run.sessionLost('one PUBACK is swallowed');
    faultable.faults.withholdPuback = ({ clientId, time }) => {
      if (swallowed.has(clientId)) return false;
      swallowed.set(clientId, time);
      return true;
    };
    const resets = () =>
      [...swallowed].flatMap(([clientId, at]) => {
        const again = faultable.connects.find(({ packet, time }) => packet.clientId === clientId && time > at);
        return again ? [again.time - at] : [];
      });
    await run.until(() => resets().length === run.gateways.length, 'every session to be made anew', 30_000);
    run.expectWithin('made anew after', Math.max(...resets()), (ACK_TIMEOUT_SECONDS + 1) * 1_000);
  },
};
