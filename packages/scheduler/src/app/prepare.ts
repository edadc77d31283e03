/**
 * The way from posted JSON to an app: read, check legacy fields, translate them, validate, normalise, build.
 * Follows mesosphere/marathon v1.8 api/v2/AppHelpers.scala.
 */
import { type App, isHostMode, toApp } from './app.ts';
import type { AppDefinition } from './definition.ts';
import { readJson } from './json.ts';
import { type Step, TRANSLATION, UPDATE_TRANSLATION, validateLegacy } from './legacy.ts';
import { normalisation } from './normalise.ts';
import { MarathonRefusal, refuseIfAny, type Violation } from './refusal.ts';
import { readDefinition } from './schema.ts';
import { rules } from './validate.ts';

/** The settings of Marathon's that definitions meet. */
export interface DefinitionOptions {
  /** `--default_network_name`; on DC/OS the first overlay's name, `dcos`. */
  readonly defaultNetworkName?: string;
  /** `--mesos_role`; on DC/OS `slave_public`. */
  readonly frameworkRole: string;
}

/**
 * A new app from what is posted: a JSON text or a parsed JSON value. `id` replaces the definition's.
 * @throws MarathonRefusal with the first violation's path and words; `violations` has all of that stage
 */
export function prepareApp(posted: unknown, options: DefinitionOptions, id?: string): App {
  const definition = readPosted(posted, id === undefined);
  return build(translate(id === undefined ? definition : { ...definition, id }, TRANSLATION), options);
}

/**
 * An app changed by an update: fields that are present replace the app's.
 * @throws MarathonRefusal as {@link prepareApp}
 */
export function prepareUpdate(app: App, posted: unknown, options: DefinitionOptions): App {
  const read = readPosted(posted);
  if (read.version !== undefined) {
    const message = "The 'version' field may only be combined with the 'id' field.";
    throw new MarathonRefusal('invalid-app', 422, [{ path: '/version', message }]);
  }
  const update = translate(read, UPDATE_TRANSLATION);
  const merged = { ...definitionOf(app), ...update, id: app.id };
  return build(translate(fitPorts(merged, update), TRANSLATION), options);
}

/**
 * An update with its legacy fields translated and no defaults made, as a definition again.
 * @throws MarathonRefusal as {@link prepareApp}
 */
export function translateUpdate(posted: unknown): AppDefinition {
  return translate(readPosted(posted), UPDATE_TRANSLATION);
}

function readPosted(posted: unknown, needsId = false): AppDefinition {
  const violations: Violation[] = [];
  const definition = readDefinition(readJson(posted), '', violations);
  if (needsId && violations.length === 0 && definition?.id === undefined) {
    violations.push({ path: '/id', message: 'error.path.missing' });
  }
  refuseIfAny(violations, 'invalid-json');
  return definition ?? {};
}

function translate(definition: AppDefinition, steps: readonly Step[]): AppDefinition {
  refuseIfAny(validateLegacy(definition), 'invalid-app');
  return steps.reduce((app, step) => step(app), definition);
}

function build(definition: AppDefinition, options: DefinitionOptions): App {
  const { defaultNetworkName, frameworkRole } = options;
  refuseIfAny(
    rules({ defaultNetworkName, frameworkRole }).flatMap((rule) => rule(definition)),
    'invalid-app',
  );
  return toApp(normalisation(defaultNetworkName).reduce((app, step) => step(app), definition));
}

/** Ports that the old networks wanted and the new ones exclude are dropped, unless the update itself names them. */
function fitPorts(merged: AppDefinition, update: AppDefinition): AppDefinition {
  if (update.networks === undefined) return merged;
  const host = update.networks.length === 0 || update.networks.some((network) => network.mode === 'host');
  if (!host && update.portDefinitions === undefined) {
    const { portDefinitions: _dropped, ...rest } = merged;
    return rest;
  }
  if (host && update.container?.portMappings === undefined && merged.container !== undefined) {
    const { portMappings: _dropped, ...container } = merged.container;
    return { ...merged, container };
  }
  return merged;
}

/** A definition that would make the same app. */
function definitionOf(app: App): AppDefinition {
  const { version: _version, lastScalingAt: _scaling, lastConfigChangeAt: _change, portDefinitions, constraints, ...same } = app;
  const { container, kept, persistentDisk: _disk, ...rest } = same;
  const posted = constraints.map(({ field, operator, value }) => [field, operator, ...(value === undefined ? [] : [value])]);
  return {
    ...rest,
    ...((kept === undefined ? {} : readKept(kept)) as Partial<AppDefinition>),
    constraints: posted,
    ...(container === undefined ? {} : { container }),
    ...(isHostMode(app) ? { portDefinitions } : {}),
  };
}

function readKept(kept: NonNullable<App['kept']>): unknown {
  return Object.fromEntries(
    ['check', 'residency', 'secrets'].flatMap((name) => (name in kept ? [[name, readJson(kept[name])]] : [])),
  );
}
