/**
 * The layers of the house (ARCHITECTURE.md): which file may import which. `npm run layers` checks them.
 * Imports of types count like others: who knows a layer's types knows the layer.
 */

/** Packages, each with those it may import. */
const PACKAGES = {
  core: [],
  scheduler: ['core'],
  dcos: ['core', 'scheduler'],
  testing: ['core', 'scheduler', 'dcos'],
  portolan: ['core', 'scheduler', 'dcos'],
  conformance: ['core', 'scheduler', 'dcos', 'testing', 'portolan'],
};

/** Folders of core/src from below: each may import those before it. */
const CORE_FOLDERS = ['base', 'wire', 'kernel', 'overlay', 'agent', 'cluster', 'tools'];

/** Folders of core/src/kernel, and the files they share with what is above them: words, no workings. */
const KERNEL_FOLDERS = '(link|netfilter|ipvs|socket)';
const KERNEL_WORDS = '(config|skb)[.]ts$';

const BROWSER_FIT = '^packages/(core|scheduler|dcos|testing|portolan)/src/';

/** Files that something other than an import starts: front doors, entries of scripts, examples, tests. */
const ENTRIES = [
  '^packages/[^/]+/src/index[.]ts$',
  '^packages/conformance/src/[^/]+[.](ts|cjs)$',
  '^packages/portolan/src/cli/[^/]+[.]ts$',
  '^examples/[^/]+[.]ts$',
  '^packages/[^/]+/test/',
];

const packageRules = Object.entries(PACKAGES).map(([name, below]) => ({
  name: `packages-${name}`,
  comment: `${name} may import ${below.length > 0 ? below.join(', ') : 'no other package'}; see the arrows in ARCHITECTURE.md.`,
  severity: 'error',
  from: { path: `^packages/${name}/src/` },
  to: { path: '^(packages|examples|docs)/', pathNot: `^packages/(${[name, ...below].join('|')})/` },
}));

const coreRules = CORE_FOLDERS.map((folder, index) => ({
  name: `core-${folder}`,
  comment: `core/src/${folder} may import ${index > 0 ? CORE_FOLDERS.slice(0, index).join(', ') : 'no other folder'}.`,
  severity: 'error',
  from: { path: `^packages/core/src/${folder}/` },
  to: { path: '^packages/core/src/', pathNot: `^packages/core/src/(${CORE_FOLDERS.slice(0, index + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...packageRules,
    {
      name: 'front-doors',
      comment: 'Another package is imported by its name, so through its src/index.ts, never by a path into it.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/([^/]+)/', pathNot: ['^packages/$1/', '^packages/[^/]+/src/index[.]ts$'] },
    },
    {
      name: 'front-doors-outside',
      comment: 'Examples and documentation import packages by their names.',
      severity: 'error',
      from: { path: '^(examples|docs)/' },
      to: { path: '^packages/', pathNot: '^packages/[^/]+/src/index[.]ts$' },
    },
    {
      name: 'own-front-door',
      comment: 'A package does not import its own front door: it knows its files.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/' },
      to: { path: '^packages/$1/src/index[.]ts$' },
    },
    ...coreRules,
    {
      name: 'kernel-parts',
      comment: `kernel/${KERNEL_FOLDERS} stand below the files of kernel/; they share config.ts and skb.ts with them.`,
      severity: 'error',
      from: { path: `^packages/core/src/kernel/${KERNEL_FOLDERS}/` },
      to: { path: '^packages/core/src/kernel/[^/]+[.]ts$', pathNot: `^packages/core/src/kernel/${KERNEL_WORDS}` },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that run only with each other are one file, or have a third one in common. Types may name each other.',
      severity: 'error',
      from: { path: '^(packages|examples)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'browser-fit',
      comment: 'Published packages run in a browser: no module of Node but in portolan/src/cli.',
      severity: 'error',
      from: { path: BROWSER_FIT, pathNot: '^packages/portolan/src/cli/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-tests-in-sources',
      comment: 'Sources import no tests.',
      severity: 'error',
      from: { path: '/src/' },
      to: { path: '/test/' },
    },
    {
      name: 'resolvable',
      comment: 'Every import leads to a file or an installed package.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared',
      comment: "A package's sources import only what its own package.json depends on.",
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-dev', 'npm-unknown'] },
    },
    {
      name: 'no-orphans',
      comment: 'Every source is reached from a front door or the entry of a script: what nothing uses is deleted.',
      severity: 'error',
      from: { path: `(${ENTRIES.slice(0, 3).join('|')})` },
      to: { path: '^packages/[^/]+/src/', pathNot: ENTRIES, reachable: false },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(recorded|golden|[.]vitepress)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json', '.d.ts'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
