/** What passed a device, in the words of recorded/kernel, so that a lab's answer and a recording can be compared. */

const IP =
  /^(in|out) (tcp|udp|icmp) (\S+ > \S+)(?: ([SFRP.]+))?( type \d+ code \d+)?(?: id \d+)?(?: \((?:tcp|udp|icmp) (.*?)\))? (ttl \d+ len \d+(?: DF)?)(?: \{(.*)\})? (\[\S+ > \S+\])$/;

/** A line of a lab's answer; undefined for what recordings leave out here: ARP. */
export function recordedWords(line: string): string | undefined {
  const [, way, protocol, ends, flags, type, quoted, tail, inner, macs] = IP.exec(line) ?? [];
  if (way === undefined) return undefined;
  const tunnelled = inner === undefined ? '' : ` VXLAN vni 1024 csum 0 {${recordedWords(`in ${inner}`)?.slice(3)}}`;
  const about = quoted === undefined ? '' : ` (${quoted.replace(' > ', '>')})`;
  return `${way} ${protocol} ${ends} ${tail}${flags === undefined ? '' : ` ${flags}`}${type ?? ''}${about}${tunnelled} ${macs}`;
}

/** Recorded lines by device, without ARP, payload sizes said twice, and the switch between the machines. */
export function recordedByDevice(hops: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const devices = new Map<string, string[]>();
  for (const hop of hops) {
    const [, device = '', rest = ''] = /^(\S+) +(.*)$/.exec(hop) ?? [];
    if (hop.includes('ARP') || isCable(device)) continue;
    const lines = devices.get(device) ?? [];
    devices.set(device, lines);
    lines.push(
      rest
        .replace(/ data \d+/g, '')
        .replace(/ {2,}/g, ' ')
        .trim(),
    );
  }
  return devices;
}

/** Devices that show what others show too, under names drawn by chance, and those the recordings left out. */
export function isCable(device: string): boolean {
  return /\/(veth|lo$)/.test(device) || /^(underlay|outside)\//.test(device) || device === 'gw/eth1';
}
