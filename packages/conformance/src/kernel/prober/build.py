"""A lab's namespaces made of ip, bridge, ipset and iptables: few processes, each told all it is to do at once."""
import os

from namespaces import enter, new_namespace, run, write_sysctl

SETTINGS = {
    'ipv6/conf/all/disable_ipv6': 1, 'ipv6/conf/default/disable_ipv6': 1,
    'ipv4/conf/all/send_redirects': 0, 'ipv4/conf/default/send_redirects': 0,
    'ipv4/conf/all/accept_local': 0, 'ipv4/conf/default/accept_local': 0,
    'ipv4/conf/all/route_localnet': 0, 'ipv4/conf/default/route_localnet': 0,
    'ipv4/icmp_ratemask': 0, 'ipv4/tcp_early_retrans': 0, 'ipv4/tcp_synack_retries': 0,
    'netfilter/nf_conntrack_tcp_ignore_invalid_rst': 0,
}
# Microseconds before TCP sends data again: no lab lasts as long. Kernels before 6.11 have 0.2 s, fixed.
PATIENCE = 'ipv4/tcp_rto_min_us', 60_000_000
# Nothing is sent again before a timeout has passed, whatever is acknowledged twice; and nothing is known of former connections.
WITHOUT_SACK = {'ipv4/tcp_sack': 0, 'ipv4/tcp_reordering': 300, 'ipv4/tcp_no_metrics_save': 1,
                'ipv4/tcp_pacing_ss_ratio': 1000, 'ipv4/tcp_pacing_ca_ratio': 1000}
SWITCHES = {'forwarding': 'forwarding', 'rpFilter': 'rp_filter', 'proxyArp': 'proxy_arp'}
# What passes a device is what would pass a wire: no segments are put together.
SEGMENTS = 'gso_max_segs 1'


def build(lab):
    """Makes all namespaces of a lab; the open files that hold them, by name."""
    fds = {ns['name']: new_namespace() for ns in lab['namespaces']}
    for ns in lab['namespaces']:
        enter(fds[ns['name']])
        set_switches(ns.get('sysctl', {}))
    run(['ip', '-batch', '-'], link_lines(lab, fds))
    for ns in lab['namespaces']:
        enter(fds[ns['name']])
        configure(ns)
    return fds


def set_switches(sysctl):
    for path, value in SETTINGS.items():
        write_sysctl(path, value)
    if os.path.exists(f'/proc/sys/net/{PATIENCE[0]}'):
        write_sysctl(*PATIENCE)
    write_sysctl('ipv4/ip_forward', int(sysctl.get('ipForward', False)))
    write_sysctl('ipv4/conf/all/send_redirects', int(sysctl.get('sendRedirects', False)))
    write_sysctl('ipv4/conf/all/src_valid_mark', int(sysctl.get('sourceValidMark', False)))
    for where in ('all', 'default'):
        write_sysctl(f'ipv4/conf/{where}/rp_filter', sysctl.get('rpFilter', 0) if where == 'all' else 0)
    if not sysctl.get('tcpSack', True):
        for path, value in WITHOUT_SACK.items():
            write_sysctl(path, value)
    write_sysctl('bridge/bridge-nf-call-iptables', int(sysctl.get('bridgeNfCallIptables', False)))


def link_lines(lab, fds):
    """Every link of every namespace, but tunnel ends: those stay tied to the namespace in which they are made."""
    links = {f'{ns["name"]}/{link["name"]}': link for ns in lab['namespaces'] for link in ns['links']}
    made = set()
    lines = []
    for at, link in links.items():
        kind = link['type']
        if kind == 'vxlan' or at in made:
            continue
        # Not every kernel has dummy devices; a bridge without ports swallows what is sent by it as well.
        made_as = 'bridge' if kind == 'dummy' else kind
        line = f'link add name {place(at, fds)} address {link["mac"]} mtu {link["mtu"]} {SEGMENTS} type {made_as}'
        if kind == 'veth':
            peer = links[link['peer']]
            made.add(link['peer'])
            line += f' peer name {place(link["peer"], fds)} address {peer["mac"]} mtu {peer["mtu"]} {SEGMENTS}'
        elif made_as == 'bridge':
            line += f' stp_state 0 forward_delay 0 mcast_snooping 0 ageing_time {link.get("ageing", 300) * 100}'
        lines.append(line)
    return '\n'.join(lines) + '\n'


def place(at, fds):
    ns, name = at.split('/')
    return f'{name} netns /proc/{os.getpid()}/fd/{fds[ns]}'


def configure(ns):
    lines = [f'link set lo {SEGMENTS} up']
    for link in ns['links']:
        if link['type'] == 'vxlan':
            learning = '' if link.get('learning', True) else ' nolearning'
            kind = f'vxlan id {link["vni"]} dstport {link["port"]}{learning}'
            lines.append(f'link add name {link["name"]} address {link["mac"]} mtu {link["mtu"]} {SEGMENTS} type {kind}')
    for link in ns['links']:
        if 'master' in link:
            lines.append(f'link set dev {link["name"]} master {link["master"]}')
            flags = [f'{flag} on' for flag in ('hairpin', 'isolated') if link.get(flag)]
            flags += [f'{flag} off' for flag in ('learning', 'flood') if link.get(flag) is False]
            if flags:
                lines.append(f'link set dev {link["name"]} type bridge_slave {" ".join(flags)}')
        for address in link.get('addresses', []):
            lines.append(f'address add {address} broadcast + dev {link["name"]}')
    # Routes by a bridge or a port need their device up, and a device is up once its pair is.
    for link in ns['links']:
        if link.get('up', True):
            lines.append(f'link set dev {link["name"]} up')
    for route in ns.get('routes', []):
        lines.append(route_line(route))
    for rule in ns.get('rules', []):
        source = f'from {rule["from"]}' if 'from' in rule else 'from all'
        mark = f' fwmark {rule["mark"]}' if 'mark' in rule else ''
        lines.append(f'rule add {source}{mark} lookup {rule["table"]} priority {rule["priority"]}')
    for entry in ns.get('neighbours', []):
        lines.append(f'neigh replace {entry["address"]} dev {entry["device"]} lladdr {entry["mac"]} nud permanent')
    run(['ip', '-batch', '-'], '\n'.join(lines) + '\n')
    for link in ns['links']:
        quicken(link['name'])
    fdb = [f'fdb append {e["mac"]} dev {e["device"]} dst {e["remote"]} self permanent' for e in ns.get('fdb', [])]
    if fdb:
        run(['bridge', '-batch', '-'], '\n'.join(fdb) + '\n')
    for device in ns.get('sysctl', {}).get('routeLocalnet', []):
        write_sysctl(f'ipv4/conf/{device}/route_localnet', 1)
    for device in ns.get('sysctl', {}).get('devices', []):
        for key, path in SWITCHES.items():
            if key in device:
                write_sysctl(f'ipv4/conf/{device["name"]}/{path}', int(device[key]))
    add_rules(ns)


def quicken(device):
    """ARP gives up after 60 ms, and takes whatever answer comes last."""
    write_sysctl(f'ipv4/neigh/{device}/retrans_time_ms', 20)
    write_sysctl(f'ipv4/neigh/{device}/locktime', 0)
    write_sysctl(f'ipv4/neigh/{device}/proxy_delay', 0)
    write_sysctl(f'ipv4/conf/{device}/rp_filter', 0)


def add_rules(ns):
    sets = ns.get('sets', [])
    if sets:
        text = ''
        for s in sets:
            text += f'create {s["name"]} {s["type"]}\n' + ''.join(f'add {s["name"]} {m}\n' for m in s['members'])
        run(['ipset', 'restore'], text)
    if ns.get('iptables'):
        run(['iptables-legacy-restore'], ns['iptables'])


def route_line(route):
    words = ['route', 'add']
    if route.get('type', 'unicast') != 'unicast':
        words.append(route['type'])
    words.append(route['to'])
    for key, word in (('via', 'via'), ('device', 'dev'), ('source', 'src'), ('table', 'table'), ('metric', 'metric')):
        if key in route:
            words += [word, str(route[key])]
    if 'via' in route:
        words.append('onlink')
    return ' '.join(words)
