import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'vitest';
import { replay } from '/work/main/packages/conformance/src/replay/ipvs.ts';
test('x', () => {
  for (const dir of ['ipvs','ipvs-listings']) for (const f of readdirSync('/work/shared/recorded/'+dir)) {
    const r = replay(readFileSync('/work/shared/recorded/'+dir+'/'+f,'utf8'), f);
    console.log(f, r.agree, r.disagree.length, r.notCovered.length, r.disagree[0] ? JSON.stringify(r.disagree[0], null, 1) : '', [...new Set(r.notCovered.map((n) => n.reason))].slice(0,4).join('|'));
  }
});
