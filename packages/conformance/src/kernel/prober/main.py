"""Builds labs in real network namespaces and sends their probes: the half of the judge that only the kernel can do.

Reads one lab a line (JSON) from its standard input and answers each with one line. Needs root and Python 3, ip, bridge,
iptables-legacy-restore, iptables-legacy-save and ipset; all traffic stays inside.
"""
import json
import sys

from lab import Lab


def main():
    for line in sys.stdin:
        lab = Lab(json.loads(line))
        try:
            answer = lab.answer_all()
        except Exception as problem:  # The lab's fault or ours: the judge decides, and goes on with the next.
            answer = {'error': f'{type(problem).__name__}: {problem}'}
        finally:
            lab.close()
        print(json.dumps(answer), flush=True)


main()
