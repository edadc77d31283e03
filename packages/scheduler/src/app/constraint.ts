/**
 * Placement constraints as data: a field, an operator, perhaps a value.
 * Follows mesosphere/marathon v1.8 api/v2/validation/SchedulingValidation.scala. GROUP_BY, LIKE and UNLIKE are valid
 * but not modelled, and so are the fault domain fields `@region` and `@zone`.
 */
import type { Violation } from './refusal.ts';

/** The operators this model obeys. */
export type ConstraintOperator = 'UNIQUE' | 'CLUSTER' | 'MAX_PER' | 'IS';

/** One constraint; all of an app's must hold. */
export interface Constraint {
  /** `hostname`, `@hostname` or the name of an agent's attribute. */
  readonly field: string;
  readonly operator: ConstraintOperator;
  /** As given; absent and empty mean the same to CLUSTER. */
  readonly value?: string;
}

const OPERATORS = ['UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', 'MAX_PER', 'UNLIKE', 'IS'];
const MODELLED: readonly ConstraintOperator[] = ['UNIQUE', 'CLUSTER', 'MAX_PER', 'IS'];

/** What Marathon says against a posted constraint. */
export function validateConstraints(posted: readonly string[], index: number): readonly Violation[] {
  const path = `/constraints(${index})`;
  const message = complaint(posted);
  if (message !== undefined) return [{ path, message }];
  const [field, operator] = posted as readonly [string, string];
  if (!OPERATORS.includes(operator)) return [{ path, message: `illegal constraint specification ${posted.join(',')}` }];
  if (MODELLED.every((modelled) => modelled !== operator)) {
    return [{ path, message: `${operator} is not modelled yet`, notModelled: true }];
  }
  if (field === '@region' || field === '@zone') return [{ path, message: `${field} is not modelled yet`, notModelled: true }];
  return [];
}

/** The constraint a valid posted one stands for. */
export function readConstraint(posted: readonly string[]): Constraint {
  const [field = '', operator = '', value] = posted;
  const known = MODELLED.find((modelled) => modelled === operator) ?? 'UNIQUE';
  return { field, operator: known, ...(value === undefined ? {} : { value }) };
}

function complaint(posted: readonly string[]): string | undefined {
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
      if (value === undefined) return 'LIKE and UNLIKE require a non-empty, regular expression value';
      return /^[*+?]/.test(value) ? 'is not a valid regular expression' : undefined;
    case 'IS':
      if (value !== undefined && /^[a-zA-Z0-9_/.-]*$/.test(value)) return undefined;
      return 'IS only supports Mesos text and float values (see http://mesos.apache.org/documentation/latest/attributes-resources/)';
    default:
      return `operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS`;
  }
}

function isInteger(text: string): boolean {
  return /^[-+]?\d{1,10}$/.test(text) && Math.abs(Number(text)) <= 0x7fffffff;
}
