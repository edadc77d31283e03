/** @portolan/testing: generated apps and histories, and what must hold after them. */
export { agentPortRanges, appDefinitions, type Happening, happen, histories, podDefinitions } from './arbitraries.ts';
export { configurationLines, eventLog } from './event-log.ts';
export { addressViolations, dnsViolations, portViolations, subnetViolations, violations, vipViolations } from './invariants.ts';
export { type Furniture, furniture, isAbandoned, leftovers, remains } from './leftovers.ts';
