import { defineConfig } from 'vitest/config';
import projects from './vitest.workspace.ts';

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: { projects: projects.map((project) => ({ extends: true as const, ...project })) },
});
