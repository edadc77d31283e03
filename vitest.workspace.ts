/** The projects whose tests `vitest` runs, one a package, and the house's own. */
export default ['core', 'scheduler', 'dcos', 'testing', 'portolan', 'conformance'].map((name) => ({
  test: { name, include: [`packages/${name}/test/**/*.test.ts`], testTimeout: 120_000 },
}));
