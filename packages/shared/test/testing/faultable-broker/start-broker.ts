import { onTestFinished } from 'vitest';
import { FaultableBroker, type FaultableBrokerOptions } from '../../../src/testing/faultable-broker/broker.ts';

/** A broker that is stopped with the test. A concurrent test passes its own `onTestFinished`. */
export async function startBroker(
  options: FaultableBrokerOptions = {},
  onFinished: (stop: () => Promise<void>) => void = onTestFinished,
): Promise<FaultableBroker> {
  const broker = await FaultableBroker.start(options);
  onFinished(() => broker.stop());
  return broker;
}
