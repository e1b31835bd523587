import { streamState } from '@gatecast/local-stack';
import type { Scenario } from '../../scenario.ts';

/** Those that end before it is known; with others in flight only the first two do. */
const SESSIONS_LOST = 5;

export const poison: Scenario = {
  name: 'poison',
  group: 'data',
  title: 'a broker ends the session at one certain message, each time: it is set aside, the rest flows',
  setup: { brokers: [{ gateways: 2 }, { gateways: 6, promises: { worstGapMs: 1_000, connects: 1 } }] },
  async faults(run) {
    const victim = run.gatewaysAt(run.broker)[0]!;
    const n = (victim.load.accepted.at(-1)?.n ?? 0) + 20;
    run.sessionLost(`reading ${n} of ${victim.gatewayId} is poison`, run.broker, SESSIONS_LOST);
    run.broker.faultable.faults.cutOnPublish = ({ clientId, packet }) =>
      clientId === victim.gatewayId && String(packet.payload).includes(`"n":"${n}"`);
    const setAside = async () => (await streamState(run.stack, 'DEADLETTER')).messages;
    await run.until(async () => (await setAside()) > 0, 'the message to be set aside');
    victim.load.forgive((number) => number === n);
    await run.flowing();
    const count = await setAside();
    run.extras.set('set aside', String(count));
    run.expect(count === 1, `one message is set aside; ${count} were`);
  },
};
