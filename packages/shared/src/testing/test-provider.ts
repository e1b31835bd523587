/** What the servers and services of a test are: processes of this machine, or containers. */
export type TestProvider = 'processes' | 'containers';

/**
 * By `GATECAST_TEST_PROVIDER`. Default: processes.
 * @throws {TypeError} it names neither
 */
export function testProvider(env: Readonly<Record<string, string | undefined>> = process.env): TestProvider {
  const provider = env.GATECAST_TEST_PROVIDER || 'processes';
  if (provider === 'processes' || provider === 'containers') return provider;
  throw new TypeError(`GATECAST_TEST_PROVIDER is processes or containers, not ${provider}`);
}
