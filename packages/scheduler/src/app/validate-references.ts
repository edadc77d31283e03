/**
 * The rules for what an app names that lies elsewhere: secrets, and what is fetched.
 * Follows mesosphere/marathon v1.8 api/v2/validation/{AppValidation,ArtifactValidation}.scala, with the feature `secrets` enabled.
 */
import type { AppDefinition } from './definition.ts';
import type { Json } from './json.ts';
import type { Violation } from './refusal.ts';

/** Volumes and credentials that are secrets must be secrets of the app's. */
export function secretReferences({ container, secrets = null }: AppDefinition): readonly Violation[] {
  const known = (name: unknown): boolean => typeof name === 'string' && secrets instanceof Map && secrets.has(name);
  const violations: Violation[] = (container?.volumes ?? []).flatMap(({ secret }, i) =>
    secret === undefined || known(secret)
      ? []
      : [{ path: `/container/volumes(${i})`, message: 'volume.secret must refer to an existing secret' }],
  );
  const pull = container?.docker?.pullConfig;
  if (pull === undefined) return violations;
  const path = '/container/docker/pullConfig';
  if (container?.type !== 'MESOS') {
    violations.push({ path, message: 'pullConfig is not supported with Docker containerizer' });
  } else if (!known(field(pull, 'secret'))) {
    violations.push({ path, message: 'pullConfig.secret must refer to an existing secret' });
  }
  return violations;
}

/** What is fetched must be a URI. */
export function artifacts({ fetch = [] }: AppDefinition): readonly Violation[] {
  return fetch.flatMap((artifact, i) => uriViolations(field(artifact, 'uri'), `/fetch(${i})/uri`));
}

/** What Java's URI would not take: blanks, control characters, those that have to be escaped, and escapes that are none. */
export function uriViolations(uri: unknown, path: string): readonly Violation[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
  const wrong = typeof uri === 'string' && (/[\x00-\x20\x7f"<>\\^`{|}]/.test(uri) || /%(?![0-9A-Fa-f]{2})/.test(uri));
  return wrong ? [{ path, message: 'URI has invalid syntax.' }] : [];
}

function field(json: Json, name: string): Json | undefined {
  return json instanceof Map ? json.get(name) : undefined;
}
