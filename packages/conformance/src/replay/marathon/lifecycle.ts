/** Judges of what happens to apps and tasks: backoff, scaling, restarts, deployments, states, lost agents, health. */
import {
  type App,
  type AppTree,
  activeSince,
  affectedApps,
  Backoff,
  backoffAction,
  type Candidate,
  type Condition,
  compareVictims,
  conditionOf,
  conditionOfTasks,
  dependencyClasses,
  deploymentSteps,
  EXACT_KILL_ORDER,
  failureKills,
  isActive,
  isTerminal,
  killOrder,
  propose,
  restartStrategy,
  type TaskState,
  unreachableVerdict,
} from '@portolan/scheduler';
import { conditionNamed } from './match.ts';
import {
  type Check,
  duration,
  type Fields,
  fields,
  type Judge,
  numberOr,
  type Row,
  texts,
  UnknownShape,
  versionOf,
} from './row.ts';
import { appOf, refusalOf } from './shorthand.ts';

function backoff(row: Row): readonly Check[] {
  const { input } = row;
  const expected = fields(row.expected);
  if (input.update !== undefined) return [['action', expected.action ?? 'none', updateAction(String(input.update), row)]];
  if (input.delays !== undefined) return overdueDelays(input, expected);
  const delay = new Backoff(backoffSettings(input));
  for (const call of texts(input.calls)) callBackoff(delay, call, 0);
  return [['deadline', sinceNow(expected.deadline), delay.deadline(0)]];
}

function callBackoff(delay: Backoff, call: string, now: number): void {
  if (call === 'add' || call === 'addDelay') delay.fail(now);
  else if (call === 'reset' || call === 'resetDelay') delay.reset();
  else if (call === 'advance' || call === 'advanceDelay') delay.advance(now);
  else throw new UnknownShape(`the call ${call}`);
}

function backoffSettings(input: Fields) {
  return {
    backoffSeconds: duration(input.backoff) / 1000,
    backoffFactor: numberOr(input.factor, 1.15),
    maxLaunchDelaySeconds: (input.max === undefined ? 3_600_000 : duration(input.max)) / 1000,
  };
}

/** `now+10s`, `origin+20s`, `now`. */
function sinceNow(text: unknown): unknown {
  const later = /^(?:now|origin)\s*(?:\+\s*(.+))?$/.exec(String(text));
  return later === null ? text : later[1] === undefined ? 0 : duration(later[1]);
}

function overdueDelays(input: Fields, expected: Fields): readonly Check[] {
  const later = duration(input.advance);
  return Object.entries(fields(input.delays)).map(([name, settings]) => {
    const delay = new Backoff(backoffSettings(fields(settings)));
    delay.fail(0);
    const deadline = delay.at(later);
    return [name, sinceNow(expected[name]), deadline ?? null];
  });
}

function updateAction(update: string, row: Row): string {
  const [state = '', , reason] = update.split(' ');
  const task = `TASK_${state.toUpperCase()}` as TaskState;
  const condition = state.startsWith('TASK_')
    ? conditionOf({ state: state as TaskState })
    : (named(state) ?? conditionOf({ state: task }));
  return backoffAction(condition, reason === undefined ? {} : { reason }, versionOf(row));
}

function named(state: string): Condition | undefined {
  const condition = conditionNamed(state);
  return isActive(condition) || isTerminal(condition) ? condition : undefined;
}

function candidate(id: string, condition: Condition, at = 0): Candidate {
  return { id, condition, stagedAt: at, since: at, startedAt: at };
}

function lastWord(text: string): string {
  return text.split(' ').at(-1) ?? '';
}

function scaling({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const instances = texts(input.instances ?? (Array.isArray(input.running) ? input.running : [])).map((text, i) => {
    const [word = '', id] = text.split(' ');
    return id === undefined
      ? candidate(word, 'Running', i)
      : candidate(id, word === 'staged' ? 'Staging' : conditionNamed(word), i);
  });
  const running =
    typeof input.running === 'number'
      ? Array.from({ length: input.running }, (_, i) => candidate(`t${i}`, 'Running', i))
      : instances;
  const picks = texts(input.constraintPick);
  const selection = input.killSelection === 'OLDEST_FIRST' ? 'OLDEST_FIRST' : 'YOUNGEST_FIRST';
  const named = texts(input.sentenced).map(lastWord);
  const proposition = propose(running, numberOr(input.scaleTo, 0), named, selection, (candidates) =>
    candidates.filter(({ id }) => picks.includes(id)),
  );
  const killed = proposition.decommission.map(({ id }) => id);
  const actual: Fields = { kill: killed, start: proposition.start, killCount: killed.length };
  return Object.entries(expected)
    .filter(([field]) => field !== 'note')
    .map(([field, value]) => {
      if (!(field in actual)) throw new UnknownShape(`what is meant by ${field}`);
      return [field, value ?? (field === 'kill' ? [] : 0), actual[field]];
    });
}

function scalingOrder({ input, expected }: Row): readonly Check[] {
  const [a, b] = texts(input.pair).map((text) => {
    const words = text.split(' ');
    return candidate(text, conditionNamed(lastWord(text)), words.includes('younger') ? 2000 : 1000);
  });
  if (a === undefined || b === undefined) throw new UnknownShape('a pair of one');
  const selection = input.killSelection === 'OLDEST_FIRST' ? 'OLDEST_FIRST' : 'YOUNGEST_FIRST';
  const order = compareVictims(a, b, selection);
  return [
    ['killedFirst', fields(expected).killedFirst, order < 0 ? a.id : b.id],
    ['the other way round', true, Math.sign(compareVictims(b, a, selection)) === -Math.sign(order)],
  ];
}

function restart(row: Row): readonly Check[] {
  const { input } = row;
  const { minimumHealthCapacity, maximumOverCapacity, goal = 'all Running' } = input;
  const upgrade = {
    minimumHealthCapacity: numberOr(minimumHealthCapacity, 1),
    maximumOverCapacity: numberOr(maximumOverCapacity, 1),
  };
  const existing = numberOr(input.current, 0);
  if (goal !== 'all Running') throw new UnknownShape(`the goal ${String(goal)}`);
  const start = { existing, healthy: numberOr(input.healthy, existing), resident: input.resident === true };
  const strategy = restartStrategy(numberOr(input.instances, 1), upgrade, start, versionOf(row));
  const { maxCapacity, killImmediately } = fields(row.expected);
  return [
    ['maxCapacity', maxCapacity, strategy.maxCapacity],
    ['killImmediately', killImmediately, strategy.killImmediately],
  ];
}

function restartKillOrder({ input, expected }: Row): readonly Check[] {
  const letters = [...String(input.oldInstancesInListOrder)].map((letter, position) => ({ healthy: letter === 'H', position }));
  if (letters.length > EXACT_KILL_ORDER) {
    throw new UnknownShape(`a list of ${letters.length}: the order of more than ${EXACT_KILL_ORDER}`);
  }
  const order = killOrder(letters, ({ healthy }) => healthy).map(({ position }) => position);
  return [['killOrder', fields(expected).killOrder, order]];
}

function simpleApp(id: string, more: Fields = {}): App {
  return appOf({ appId: id }, more);
}

function tree(apps: readonly App[]): AppTree {
  return new Map(apps.map((app) => [app.id, app]));
}

function steps(from: AppTree, to: AppTree): readonly (readonly string[])[] {
  return deploymentSteps(from, to).map((step) =>
    step.map(({ action, appId }) => `${action.replace('Application', '')} ${appId}`),
  );
}

function deployment(row: Row): readonly Check[] {
  const { input } = row;
  const expected = fields(row.expected);
  if (input.dependencies !== undefined) {
    const dependencies = fields(input.dependencies);
    const ids = new Set([...Object.keys(dependencies), ...texts(input.also)]);
    const apps = [...ids].map((id) => simpleApp(id, { dependencies: dependencies[id] ?? [] }));
    const classes = () => Object.fromEntries(dependencyClasses(tree(apps)).map((of, i) => [String(i + 1), of]));
    if (expected.classes === undefined) return [['throws', expected.throws ?? expected.message, refusalOf(classes)?.message]];
    return [['classes', sortedClasses(expected.classes), sortedClasses(classes())]];
  }
  if (input.as !== undefined) return affected(row, expected);
  if (input.removed !== undefined) {
    const gone = steps(tree(texts(input.removed).map((id) => simpleApp(id))), tree([]));
    return [['steps', expected.steps, gone]];
  }
  if (input.changed !== undefined) return changedApp(String(input.changed), expected);
  const described = Object.entries(input).filter(([, text]) => typeof text === 'string');
  const before = tree(described.map(([name]) => simpleApp(`/${name}`, { instances: countBefore(String(input[name])) })));
  const after = tree(described.map(([name, text]) => changedBy(`/${name}`, String(text))));
  const shown = steps(before, after).map((step) => step.map((text) => text.replace('/', '')));
  return [['steps', expected.steps, shown]];
}

function sortedClasses(classes: unknown): Fields {
  return Object.fromEntries(Object.entries(fields(classes)).map(([depth, ids]) => [depth, [...texts(ids)].sort()]));
}

/** `cmd and 4->8, depends on mongo`. */
function changedBy(id: string, text: string): App {
  const [, after] = instanceCounts(text);
  const on = /depends on (\S+)/.exec(text)?.[1];
  const cmd = text.includes('cmd') ? { cmd: 'changed' } : {};
  return simpleApp(id, { ...cmd, instances: after, ...(on === undefined ? {} : { dependencies: [`/${on}`] }) });
}

function countBefore(text: string): number {
  return instanceCounts(text)[0];
}

function instanceCounts(text: string): readonly [number, number] {
  const match = /(\d+)\s*->\s*(\d+)/.exec(text);
  if (match === null) throw new UnknownShape(`the change ${text}`);
  return [Number(match[1]), Number(match[2])];
}

function affected(row: Row, expected: Fields): readonly Check[] {
  const ids = texts(expected.affected);
  if (!/unchanged/.test(String(row.input.as)) || ids.length === 0) throw new UnknownShape(`as ${String(row.input.as)}`);
  const unchanged = simpleApp('/group/unchanged');
  const before = ids.slice(1).map((id) => simpleApp(id));
  const after = ids.slice(0, -1).map((id) => simpleApp(id, { cmd: 'changed' }));
  // The first is new, the last is gone, those between are changed.
  return [['affected', ids, affectedApps(tree([...before, unchanged]), tree([...after, unchanged]))]];
}

function changedApp(changed: string, expected: Fields): readonly Check[] {
  const before = simpleApp('/app', { cmd: undefined, args: ['a'], instances: 2 });
  const more: Fields = {
    cmd: undefined,
    args: /args/.test(changed) ? ['b'] : ['a'],
    instances: /same|args/.test(changed) ? 2 : 3,
  };
  const after = steps(tree([before]), tree([simpleApp('/app', more)]));
  if (expected.stepsNotEmpty !== undefined) return [['stepsNotEmpty', expected.stepsNotEmpty, after.length > 0]];
  return [['steps', expected.steps, after]];
}

function instanceState({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  if (input.conditions !== undefined) {
    return texts(input.conditions).flatMap((text): readonly Check[] => [
      ...(expected.active === undefined ? [] : [[`${text} active`, expected.active, isActive(conditionNamed(text))] as const]),
      ...(expected.terminal === undefined
        ? []
        : [[`${text} terminal`, expected.terminal, isTerminal(conditionNamed(text))] as const]),
    ]);
  }
  const tasks = texts(input.tasks);
  const sets = tasks.map((text) => (text.startsWith('any of ') ? text.slice(7).split(' ') : [text.split(' ')[0] ?? '']));
  if (expected.condition === 'the first one') {
    const [first = [], second = []] = sets;
    return first.flatMap((a) =>
      second.map((b): Check => [`${a} and ${b}`, a, conditionOfTasks([conditionNamed(b), conditionNamed(a)])]),
    );
  }
  const conditions = sets.map(([one = '']) => conditionNamed(one));
  const checks: Check[] = [['condition', expected.condition, conditionOfTasks(conditions)]];
  if (expected.activeSince !== undefined) {
    const wanted = expected.activeSince === null ? null : -duration(String(expected.activeSince).replace(' ago', ''));
    checks.push(['activeSince', wanted, activeSince(tasks.map(startOf)) ?? null]);
  }
  return checks;
}

/** `Running (started 1 h ago)`: when, from now. */
function startOf(text: string): number | undefined {
  const started = /started (now|(.+) ago)/.exec(text);
  if (started === null) return undefined;
  return started[2] === undefined ? 0 : -duration(started[2]);
}

function unreachable({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  if (input.strategy === undefined) {
    const strategy = { inactiveAfterSeconds: input.inactiveAfter, expungeAfterSeconds: input.expungeAfter };
    const refusal = refusalOf(() => simpleApp('/app', { unreachableStrategy: strategy }));
    if (expected.valid === true) return [['valid', undefined, refusal?.message]];
    const [path = '', message] = texts(expected.violation);
    return [['violation', [path, message], [refusal?.path.slice(-path.length), refusal?.message]]];
  }
  const seconds = duration(String(input.since).replace(' ago', '')) / 1000;
  const [inactive = '', expunge = ''] = String(input.strategy).split('/');
  const strategy =
    input.strategy === 'disabled'
      ? 'disabled'
      : { inactiveAfterSeconds: duration(inactive) / 1000, expungeAfterSeconds: duration(expunge) / 1000 };
  const lost = /^Unreachable/.test(String(input.condition));
  return [['expunge', expected.expunge, lost && unreachableVerdict(strategy, seconds) === 'expunge']];
}

function health({ input, expected }: Row): readonly Check[] {
  const check = { protocol: 'HTTP' as const, maxConsecutiveFailures: numberOr(input.maxConsecutiveFailures, 3) };
  const kill = failureKills(check, numberOr(input.recordedConsecutiveFailures, 0), conditionNamed(String(input.instance)));
  return [['kill', fields(expected).kill, kill]];
}

/** Judges by area. */
export const LIFECYCLE_JUDGES: readonly (readonly [string, Judge])[] = [
  ['backoff', { input: ['backoff', 'factor', 'max', 'calls', 'delays', 'advance', 'update'], run: backoff }],
  ['scaling', { input: ['instances', 'running', 'sentenced', 'constraintPick', 'scaleTo', 'killSelection'], run: scaling }],
  ['scaling-order', { input: ['pair', 'killSelection'], expected: ['killedFirst'], run: scalingOrder }],
  [
    'restart',
    {
      input: ['instances', 'minimumHealthCapacity', 'maximumOverCapacity', 'resident', 'current', 'healthy', 'goal'],
      expected: ['maxCapacity', 'killImmediately'],
      run: restart,
    },
  ],
  ['restart-kill-order', { input: ['oldInstancesInListOrder'], expected: ['killOrder'], run: restartKillOrder }],
  [
    'deployment',
    {
      input: ['dependencies', 'also', 'as', 'mongo', 'srv1', 'removed', 'changed'],
      expected: ['classes', 'affected', 'steps', 'stepsNotEmpty', 'throws', 'message'],
      run: deployment,
    },
  ],
  [
    'instance-state',
    { input: ['tasks', 'conditions'], expected: ['condition', 'activeSince', 'active', 'terminal'], run: instanceState },
  ],
  [
    'unreachable',
    {
      input: ['condition', 'since', 'strategy', 'inactiveAfter', 'expungeAfter'],
      expected: ['expunge', 'violation', 'valid'],
      run: unreachable,
    },
  ],
  [
    'health',
    {
      input: ['maxConsecutiveFailures', 'recordedConsecutiveFailures', 'instance'],
      expected: ['kill', 'reason'],
      run: health,
    },
  ],
];
