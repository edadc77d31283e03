import { defineConfig } from 'vitest/config';
import projects from './vitest.workspace.ts';

// Files share a worker's modules: the packages keep no state of their own, and a run takes a third less time.
export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    isolate: false,
    maxWorkers: '100%',
    projects: projects.map((project) => ({ extends: true as const, ...project })),
  },
});
