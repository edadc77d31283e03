/**
 * `dcos node ssh`: a command on another node, as dcos-core-cli 1.13 has it. Without a command the session ends at once,
 * as one does whose standard input is empty: to stay there, use the node's own shell.
 */
import { Refusal, readOptions, type ToolResult } from '@portolan/core';

/** A node that can be reached. */
export interface SshNode {
  shell(line: string): ToolResult;
}

/** The nodes, by what the command may say of them. */
export interface SshTarget {
  leader(): SshNode;
  /** By Mesos id; throws a Refusal if there is none. */
  agent(id: string): SshNode;
  /** By address as text. */
  byAddress(address: string): SshNode | undefined;
}

const OPTIONS = {
  flags: [['leader'], ['master-proxy']],
  values: [['mesos-id'], ['private-ip'], ['user']],
  unmodelled: ['config-file', 'option', 'proxy-ip', 'help'],
};

/**
 * Runs it.
 * @param args what follows `dcos node ssh`
 * @throws Refusal of component `dcos` if not exactly one node is named, or there is none such
 */
export function nodeSsh(args: readonly string[], target: SshTarget): ToolResult {
  const options = readOptions('dcos', OPTIONS, args, (option) => `dcos node ssh: unknown option ${option}`);
  const [id, address] = [options.value('mesos-id'), options.value('private-ip')];
  if (Number(options.has('leader')) + Number(id !== undefined) + Number(address !== undefined) !== 1)
    throw refuse('usage', 'dcos node ssh: one of --leader, --mesos-id and --private-ip is needed', '--leader');
  const node = id !== undefined ? target.agent(id) : address !== undefined ? target.byAddress(address) : target.leader();
  if (node === undefined)
    throw refuse('no-such-node', `dcos node ssh: there is no node ${address?.slice(0, 60)}`, '--private-ip');
  return options.words.length === 0 ? { stdout: '', stderr: '', code: 0 } : node.shell(options.words.join(' '));
}

function refuse(code: string, message: string, path: string): Refusal {
  return new Refusal({ component: 'dcos', code, path, message });
}
