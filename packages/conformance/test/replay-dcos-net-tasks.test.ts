import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replay } from '../src/replay/dcos-net-tasks.ts';

const recorded = readFileSync(new URL('../recorded/dcos-net-tasks/cases.json', import.meta.url), 'utf8');

test('tasks, backends and task records are those of the real dcos-net', () => {
  const result = replay(recorded, 'cases.json');
  expect(result.disagree).toEqual([]);
  expect(result.agree).toBe(86);
  const functions = result.notCovered.map(({ case: name }) => name.replace(/^cases.json [0-9]+ (ct )?/, '').replace(/ .*/, ''));
  expect([...new Set(functions)]).toEqual([
    'dcos_l4lb_mgr:diff_simple_test',
    'dcos_l4lb_mgr:be_port_mapping_test',
    'dcos_overlay_poller:overlay_changed_test',
    'dcos_dns_app:parse_ipv4_address_with_port',
    'dcos_l4lb_lashup_vip_listener_SUITE:lookup_vips',
    'dcos_l4lb_mesos_poller_SUITE:test_lashup',
    'dcos_l4lb_mesos_poller_SUITE:test_app_restart',
    'dcos_l4lb_mesos_poller_SUITE:test_task_unhealthy',
  ]);
});
