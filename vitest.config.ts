import { defineConfig } from 'vitest/config';

const resolve = { conditions: ['development'] };
const ssr = { resolve: { conditions: ['development', 'node'], externalConditions: ['development'] } };
const { GATECAST_TEST_PROVIDER } = process.env;
const inContainers = GATECAST_TEST_PROVIDER === 'containers';

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: 'unit',
          // No test mocks modules or leaves anything behind that another one could see.
          isolate: false,
          include: [
            'packages/*/test/**/*.test.ts',
            'services/*/test/**/*.test.ts',
            'demo/test/**/*.test.ts',
            'tests/chaos/test/**/*.test.ts',
            'tests/e2e/test/**/*.test.ts',
            'tests/e2e-driver/test/**/*.test.ts',
            'bench/test/**/*.test.ts',
            'scripts/test/**/*.test.ts',
            'tests/chart/test/**/*.test.ts',
          ],
          testTimeout: 20_000,
          maxWorkers: 2,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'integration',
          isolate: false,
          sequence: { groupOrder: 1 },
          include: ['tests/integration/**/*.test.ts'],
          testTimeout: 90_000,
          hookTimeout: 60_000,
          // They mostly wait, for timeouts and leases; but a container costs several times what a process does to start.
          maxWorkers: inContainers ? 2 : 4,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'docker',
          isolate: false,
          sequence: { groupOrder: 2 },
          include: ['tests/docker/**/*.test.ts'],
          globalSetup: 'tests/docker/support/build-once.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Times are measured.
          maxWorkers: 1,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'chart',
          isolate: false,
          sequence: { groupOrder: 2 },
          globalSetup: ['tests/chart/setup.ts'],
          include: ['tests/chart/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
