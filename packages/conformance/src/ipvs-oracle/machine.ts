/**
 * A private kernel to ask: Debian's user-mode-linux with its own ip_vs, booted for one run of one program and ended
 * with it. It sees this machine's files; what it sends stays inside it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KERNEL = '/usr/bin/linux.uml';
const MODULES = '/usr/lib/uml/modules';
const NEEDED = ['ip_vs', 'iptable_mangle', 'xt_mark'];

/** Why there can be no such machine here; undefined if there can. */
export function hindrance(): string | undefined {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'that takes root';
  if (!existsSync(KERNEL) || !existsSync(MODULES)) return 'user-mode-linux is not installed (apt-get install user-mode-linux)';
  for (const [program, its] of Object.entries({
    ipvsadm: 'ipvsadm',
    ip: 'iproute2',
    'iptables-legacy': 'iptables',
    modprobe: 'kmod',
  }))
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `${its} is not installed (apt-get install ${its})`;
  return undefined;
}

/** Runs a command on a machine booted for it; its exit code, and what it and the kernel said if it failed. */
export function runOnMachine(
  folder: string,
  schedulers: readonly string[],
  command: readonly string[],
  seconds: number,
): Promise<{ readonly code: number; readonly said: string }> {
  const modules = join(folder, 'root', 'lib');
  spawnSync('mkdir', ['-p', modules]);
  symlinkSync(MODULES, join(modules, 'modules'));
  const quoted = command.map((word) => `'${word}'`).join(' ');
  const init = join(folder, 'init');
  writeFileSync(
    init,
    `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
# Writes go through to the real files: what must not is covered.
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmpfs /run
ip link set lo up
modprobe -d '${join(folder, 'root')}' -a ${[...NEEDED, ...schedulers.map((name) => `ip_vs_${name}`)].join(' ')} 2> '${folder}/said'
${quoted} >> '${folder}/said' 2>&1
echo $? > '${folder}/code'
echo o > /proc/sysrq-trigger
sleep 30
`,
    { mode: 0o755 },
  );
  const kernel = [
    'mem=256M',
    'root=/dev/root',
    'rootfstype=hostfs',
    'rootflags=/',
    'rw',
    `init=${init}`,
    `uml_dir=${folder}/uml`,
  ];
  const words = ['--kill-after=2', String(seconds), KERNEL, ...kernel, 'con=null', 'con0=null,fd:2'];
  // The kernel's processes are a group, which ends with this one, and in any case when its time is over.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'timeout', ...words], { detached: true, stdio: 'ignore' });
  const end = () => endGroup(child);
  const interrupted = (signal: NodeJS.Signals) => {
    end();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('exit', end).once('SIGINT', interrupted).once('SIGTERM', interrupted).once('SIGHUP', interrupted);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('exit', () => {
      end();
      process.off('exit', end).off('SIGINT', interrupted).off('SIGTERM', interrupted).off('SIGHUP', interrupted);
      const code = spawnSync('cat', [join(folder, 'code')], { encoding: 'utf8' }).stdout.trim();
      const said = spawnSync('tail', ['-n', '20', join(folder, 'said')], { encoding: 'utf8' }).stdout;
      done({ code: code === '' ? 1 : Number(code), said: code === '' ? `the machine did not come to an end\n${said}` : said });
    });
  });
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is over.
  }
}
