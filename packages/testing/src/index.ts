/** @portolan/testing: generated apps and histories, and what must hold after them. */
export { agentPortRanges, appDefinitions, type Happening, happen, histories } from './arbitraries.ts';
export { addressViolations, leftovers, portViolations, subnetViolations, violations, vipViolations } from './invariants.ts';
