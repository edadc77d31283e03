/** Makes a lab that shows something as small as it can be while it still shows it. */
import type { Lab, LabNamespace } from './lab.ts';

/** Tries smaller labs as long as `shows` holds for one of them. */
export async function shrink(lab: Lab, shows: (lab: Lab) => Promise<boolean>, attempts: number): Promise<Lab> {
  let best = lab;
  let left = attempts;
  for (let smaller = true; smaller && left > 0; ) {
    smaller = false;
    for (const candidate of candidates(best)) {
      if (left-- <= 0) break;
      if (!(await shows(candidate))) continue;
      best = candidate;
      smaller = true;
      break;
    }
  }
  return best;
}

function* candidates(lab: Lab): Iterable<Lab> {
  if (lab.probes.length > 1) {
    for (let i = lab.probes.length - 1; i >= 0; i--)
      yield { ...lab, probes: [...lab.probes.slice(0, i), ...lab.probes.slice(i + 1)] };
  }
  for (const { name } of lab.namespaces) if (lab.probes.every(({ from }) => from !== name)) yield without(lab, name);
  for (const [i, ns] of lab.namespaces.entries()) {
    for (const smaller of smallerNamespaces(ns))
      yield { ...lab, namespaces: lab.namespaces.map((one, j) => (i === j ? smaller : one)) };
  }
}

/** The lab without a namespace and the cables that led to it. */
function without(lab: Lab, name: string): Lab {
  const namespaces = lab.namespaces
    .filter((ns) => ns.name !== name)
    .map((ns) => ({ ...ns, links: ns.links.filter(({ peer }) => peer?.split('/')[0] !== name) }));
  return { ...lab, namespaces };
}

function* smallerNamespaces(ns: LabNamespace): Iterable<LabNamespace> {
  const { iptables, sets, listeners, ...rest } = ns;
  if (iptables !== undefined) {
    yield { ...rest, ...(listeners === undefined ? {} : { listeners }) };
    const tables = iptables.split(/(?<=COMMIT\n)/);
    if (tables.length > 1)
      for (let i = 0; i < tables.length; i++) yield { ...ns, iptables: tables.filter((_, j) => i !== j).join('') };
    const lines = iptables.split('\n');
    for (let i = lines.length - 1; i >= 0; i--)
      if (lines[i]?.startsWith('-A') === true) yield { ...ns, iptables: lines.filter((_, j) => i !== j).join('\n') };
  }
  if (listeners !== undefined && listeners.length > 0)
    for (let i = 0; i < listeners.length; i++) yield { ...ns, listeners: listeners.filter((_, j) => i !== j) };
}
