import { between } from '@gatecast/delivery-check/load';
import { LEASE_TTL_MS, type Scenario, type Setup, TAKEOVER_MS } from '../../scenario.ts';

/** Half of the gateways at the real broker, by both versions of the protocol, half where sessions can be seen. */
const setup: Setup = {
  brokers: [
    { kind: 'mosquitto', gateways: 4, qos: 2, mqtt: { protocolVersion: '3.1.1' } },
    { kind: 'mosquitto', gateways: 4, qos: 2 },
    { gateways: 4, qos: 2 },
  ],
  deadlineMs: 240_000,
};

export const qos2Kill9: Scenario = {
  name: 'qos2-kill9',
  group: 'qos2',
  title: 'exactly once: publishers are killed (kill -9), six times',
  setup,
  promises: { worstGapMs: TAKEOVER_MS },
  async faults(run) {
    for (let round = 0; round < 6; round += 1) {
      const owner = await run.ownerOf();
      await run.lasting(between(run.random, 0, 500));
      run.crashed(`kill -9 of ${owner.instance}`);
      await owner.process.kill('SIGKILL');
      await run.flowing(5);
      await owner.process.restart();
    }
  },
};

export const qos2Takeovers: Scenario = {
  name: 'qos2-takeovers',
  group: 'qos2',
  title: 'exactly once: publishers are asked to stop, and hang for longer than their lease, in turn',
  setup,
  promises: { worstGapMs: TAKEOVER_MS },
  async faults(run) {
    for (let round = 0; round < 2; round += 1) {
      const leaving = await run.ownerOf();
      run.note(`SIGTERM to ${leaving.instance}`);
      await leaving.process.restart();
      await run.flowing(5);
      const hanging = await run.ownerOf();
      run.crashed(`SIGSTOP to ${hanging.instance}`);
      await hanging.process.pause();
      await run.lasting(LEASE_TTL_MS * 1.5);
      await run.flowing(5);
      hanging.process.resume();
      await run.flowing(5);
    }
  },
};

export const qos2BrokerRestarts: Scenario = {
  name: 'qos2-broker-restarts',
  group: 'qos2',
  title: 'exactly once: brokers that keep their sessions are restarted, connections are reset, a publisher is killed',
  setup,
  async faults(run) {
    for (let round = 0; round < 2; round += 1) {
      for (const broker of run.brokers.slice(0, 2)) {
        run.sessionLost('mosquitto is restarted', broker);
        await broker.mosquitto.restart();
      }
      run.sessionLost('a broker crashes', run.brokers[2]);
      await run.brokers[2]!.faultable.restart();
      await run.lasting(between(run.random, 500, 1_500));
      for (const broker of run.brokers) {
        run.sessionLost('reset', broker);
        broker.proxy.resetAll();
      }
      await run.flowing(5);
    }
    const owner = await run.ownerOf();
    run.crashed(`kill -9 of ${owner.instance}`);
    await owner.process.kill('SIGKILL');
    for (const broker of run.brokers) broker.proxy.resetAll();
    await run.flowing(5);
    await owner.process.restart();
  },
};
