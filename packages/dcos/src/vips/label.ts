/**
 * How names become parts of DNS names in dcos-net: `mesos_state:label/1` and `domain_frag/1` (dcos/mesos_state@c4f23ea),
 * `to_name/1` of dcos_l4lb_lashup_vip_listener (dcos/dcos-net@7bd01ac). Slashes vanish, they become neither dots nor dashes.
 */

const LIMIT = 63;

/** The DNS zone of named VIPs. */
export const L4LB_ZONE = 'l4lb.thisdcos.directory';

/**
 * One DNS label: lower case; `-`, `_` and `.` become dashes; anything else but letters and digits is dropped.
 * Past 63 characters dashes at the cut go, and only letters and digits fill up the place they leave.
 */
export function label(text: string): string {
  let out = '';
  let full = false;
  for (let i = 0; i < text.length; i++) {
    if (!full && out.length >= LIMIT) {
      out = withoutTrailingDashes(out);
      full = true;
    }
    if (full && out.length === LIMIT) break;
    const unit = text.charCodeAt(i);
    if (isLetterOrDigit(unit)) out += text.charAt(i);
    else if (unit >= 65 && unit <= 90) out += String.fromCharCode(unit + 32);
    else if (!full && out !== '' && (unit === 45 || unit === 46 || unit === 95)) out += '-';
  }
  return withoutTrailingDashes(out);
}

/** Several labels: empty pieces between dots go, but a piece of which nothing remains leaves an empty label. */
export function domainFragment(text: string): string {
  return text
    .split('.')
    .filter((piece) => piece !== '')
    .map(label)
    .join('.');
}

/** `httpi.marathon` for /httpi of marathon: what a named VIP's addresses are computed from. */
export function vipName(vipLabel: string, framework: string): string {
  return `${domainFragment(vipLabel)}.${domainFragment(framework)}`;
}

/** `httpi.marathon.l4lb.thisdcos.directory`; without a final dot. */
export function vipDnsName(vipLabel: string, framework: string): string {
  return `${vipName(vipLabel, framework)}.${L4LB_ZONE}`;
}

function isLetterOrDigit(unit: number): boolean {
  return (unit >= 97 && unit <= 122) || (unit >= 48 && unit <= 57);
}

function withoutTrailingDashes(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 45) end--;
  return text.slice(0, end);
}
