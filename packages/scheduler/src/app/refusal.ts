/**
 * Marathon's refusals: a message, the fields at fault, and the HTTP status its API would answer with.
 * Follows mesosphere/marathon v1.8 api/MarathonExceptionMapper.scala and api/v2/Validation.scala.
 */
import { Refusal } from '@portolan/core';

/** One field at fault, in Marathon's path notation and words. */
export interface Violation {
  /** `/container/portMappings(0)/hostPort`; `/` is the app itself. */
  readonly path: string;
  readonly message: string;
  /** The field is a valid one of Marathon's, but not part of this model. */
  readonly notModelled?: true;
}

/** The kinds of refusals, for programs. */
export type MarathonRefusalCode =
  | 'invalid-json'
  | 'invalid-app'
  | 'not-modelled'
  | 'app-exists'
  | 'app-missing'
  | 'app-locked'
  | 'task-missing'
  | 'too-many-deployments'
  | 'deployment-missing'
  | 'group-missing'
  | 'version-missing'
  | 'bad-request'
  | 'bad-label'
  | 'ports-exhausted';

/** What Marathon would refuse; `message` and `path` are those of the first violation. */
export class MarathonRefusal extends Refusal {
  /** HTTP status of the answer. */
  readonly status: number;
  readonly violations: readonly Violation[];
  /** Ids of the deployments in the way. */
  readonly deployments: readonly string[];

  constructor(code: MarathonRefusalCode, status: number, violations: readonly Violation[], deployments: readonly string[] = []) {
    const first = violations[0];
    super({ component: 'marathon', code, path: first?.path ?? '', message: first?.message ?? 'Object is not valid' });
    this.name = 'MarathonRefusal';
    this.status = status;
    this.violations = violations;
    this.deployments = deployments;
  }

  /** The answer's JSON body, as the API sends it. */
  body(): unknown {
    if (this.deployments.length > 0) return { message: this.message, deployments: this.deployments.map((id) => ({ id })) };
    if (this.code === 'invalid-json' && this.status === 400) {
      const [message = '', ...details] = this.message.split(': ');
      return { message, details: details.join(': ') };
    }
    if (this.status !== 422 || this.path === '') return { message: this.message };
    const paths = new Map<string, string[]>();
    for (const { path, message } of this.violations) {
      const errors = paths.get(path);
      if (errors === undefined) paths.set(path, [message]);
      else errors.push(message);
    }
    return {
      message: this.code === 'invalid-json' ? 'Invalid JSON' : 'Object is not valid',
      details: [...paths].map(([path, errors]) => ({ path, errors })),
    };
  }
}

/** Refuses if there is any violation; fields that are merely not modelled are told as such. */
export function refuseIfAny(violations: readonly Violation[], code: 'invalid-json' | 'invalid-app'): void {
  if (violations.length === 0) return;
  const wrong = violations.filter((violation) => violation.notModelled !== true);
  if (wrong.length > 0) throw new MarathonRefusal(code, 422, wrong);
  throw new MarathonRefusal('not-modelled', 422, violations);
}
