/**
 * The order in which `ipvsadm` lists services and servers. It subtracts addresses as 32-bit signed numbers, so that
 * 172.16.0.1 and 203.0.113.5 come before 11.0.0.1 when both occur, and an order of three may go round in a circle;
 * what then comes out depends on the way of sorting, which is glibc's.
 * Follows ipvs_cmp_services and ipvs_cmp_dests of libipvs.c (ipvsadm 1.31) and qsort of glibc 2.36 (stdlib/msort.c).
 */
import type { Ipv4 } from '../../base/address.ts';

/** What is compared: the protocol is a service's; servers of one service have none. */
export interface Listed {
  readonly protocol?: number;
  /** A firewall mark comes before all else. */
  readonly mark?: number;
  readonly address: Ipv4;
  readonly port: number;
}

/** The items in the order of `ipvsadm -L`. */
export function sortAsListed<T extends Listed>(items: readonly T[]): readonly T[] {
  if (items.length < 2) return items;
  const middle = items.length >> 1;
  const left = sortAsListed(items.slice(0, middle));
  const right = sortAsListed(items.slice(middle));
  const merged: T[] = [];
  let [i, j] = [0, 0];
  while (i < left.length && j < right.length) {
    const [a, b] = [left[i] as T, right[j] as T];
    if (compare(a, b) <= 0) {
      merged.push(a);
      i++;
    } else {
      merged.push(b);
      j++;
    }
  }
  return [...merged, ...left.slice(i), ...right.slice(j)];
}

function compare(a: Listed, b: Listed): number {
  return (
    ((a.mark ?? 0) - (b.mark ?? 0)) | 0 || (a.protocol ?? 0) - (b.protocol ?? 0) || (a.address - b.address) | 0 || a.port - b.port
  );
}
