/** Every target (`-j`) by its name: one file of target/ a family; any other word is a chain. Follows iptables 1.8.9. */
import { type Extension, type ExtensionDescription, extension } from './extension.ts';
import type { Target } from './rule.ts';
import type { Act } from './rule-host.ts';
import { log } from './target/log.ts';
import { connmark, mark } from './target/mark.ts';
import { dnat, masquerade, netmap, redirect, snat } from './target/nat.ts';
import { ct, notrack } from './target/notrack.ts';
import { reject } from './target/reject.ts';
import { tcpmss } from './target/tcpmss.ts';
import { verdict } from './target/verdict.ts';

/** What a target is made of. */
export interface TargetDescription<T extends { readonly name: string }> extends ExtensionDescription<T> {
  /** What it does to a packet that then goes on to the next rule; absent for targets that decide. */
  act?(value: T): Act;
}

/** A target with its value's type closed over. */
export interface TargetExtension extends Extension<Target> {
  act(value: Target): Act | undefined;
}

function targetExtension<T extends Target>(description: TargetDescription<T>): TargetExtension {
  return { ...extension<Target, T>(description), act: (value) => description.act?.(value as T) };
}

/** Every target with options of its own, by name. */
export const TARGETS: ReadonlyMap<string, TargetExtension> = new Map(
  [
    targetExtension(verdict('ACCEPT')),
    targetExtension(verdict('DROP')),
    targetExtension(verdict('RETURN')),
    targetExtension(dnat),
    targetExtension(snat),
    targetExtension(masquerade),
    targetExtension(redirect),
    targetExtension(netmap),
    targetExtension(mark),
    targetExtension(connmark),
    targetExtension(notrack),
    targetExtension(ct),
    targetExtension(tcpmss),
    targetExtension(log),
    targetExtension(reject),
  ].map((kind) => [kind.name, kind] as const),
);
