/**
 * Placement constraints as data: a field, an operator, perhaps a value.
 * Follows mesosphere/marathon v1.8 api/v2/validation/SchedulingValidation.scala and raml/ConstraintConversion.scala.
 */
import { compilePattern } from './pattern.ts';
import { MarathonRefusal, type Violation } from './refusal.ts';

const OPERATORS = ['UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', 'MAX_PER', 'UNLIKE', 'IS'] as const;

/** What a constraint demands of the field. */
export type ConstraintOperator = (typeof OPERATORS)[number];

/** One constraint; all of an app's must hold. */
export interface Constraint {
  /** `hostname`, `@hostname`, `@region`, `@zone` or the name of an agent's attribute. */
  readonly field: string;
  readonly operator: ConstraintOperator;
  /** As given; absent and empty mean the same to CLUSTER. */
  readonly value?: string;
}

/** What Marathon says against a posted constraint; its path is `/constraints(<index>)`. */
export function validateConstraints(posted: readonly string[], index: number): readonly Violation[] {
  const path = `/constraints(${index})`;
  const complaint = complaintAbout(posted);
  return complaint === undefined ? [] : [typeof complaint === 'string' ? { path, message: complaint } : { path, ...complaint }];
}

/**
 * The constraint a posted one stands for. Operators in lower case pass validation and fail here, as in Marathon.
 * @throws MarathonRefusal `invalid-app` with status 500
 */
export function readConstraint(posted: readonly string[]): Constraint {
  const [field = '', name = '', value] = posted;
  const operator = OPERATORS.find((known) => known === name);
  if (operator === undefined) {
    throw new MarathonRefusal('invalid-app', 500, [
      { path: '', message: `illegal constraint specification ${posted.join(',')}` },
    ]);
  }
  return { field, operator, ...(value === undefined ? {} : { value }) };
}

function complaintAbout(posted: readonly string[]): string | Omit<Violation, 'path'> | undefined {
  if (posted.length !== 2 && posted.length !== 3) return 'Each constraint must have either 2 or 3 fields';
  const [field, operator, value] = posted;
  if (field === '' || operator === undefined || operator === '') return 'illegal constraint specification';
  switch (operator.toUpperCase()) {
    case 'UNIQUE':
      return value === undefined ? undefined : 'UNIQUE does not accept a value';
    case 'CLUSTER':
      return undefined;
    case 'GROUP_BY':
      return value === undefined || isInteger(value)
        ? undefined
        : 'GROUP BY must define an integer value or else no value at all';
    case 'MAX_PER':
      return value !== undefined && isInteger(value) ? undefined : 'MAX_PER requires an integer value';
    case 'LIKE':
    case 'UNLIKE':
      return complaintAboutPattern(value);
    case 'IS':
      if (value !== undefined && /^[a-zA-Z0-9_/.-]*$/.test(value)) return undefined;
      return 'IS only supports Mesos text and float values (see http://mesos.apache.org/documentation/latest/attributes-resources/)';
    default:
      return 'operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS';
  }
}

function complaintAboutPattern(value: string | undefined): string | Omit<Violation, 'path'> | undefined {
  if (value === undefined) return 'LIKE and UNLIKE require a non-empty, regular expression value';
  const pattern = compilePattern(value);
  if ('matches' in pattern) return undefined;
  if (pattern.refusedBy === 'java') return 'is not a valid regular expression';
  return { message: `is a regular expression with ${pattern.why}, which is not modelled`, notModelled: true };
}

function isInteger(text: string): boolean {
  return /^[-+]?\d{1,10}$/.test(text) && Math.abs(Number(text)) <= 0x7fffffff;
}
