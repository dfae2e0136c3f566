"""What the benchmark needs to know of the machine: cores, CPU time, memory, free ports, tools."""

import os
import pathlib
import platform
import random
import re
import resource
import shutil
import socket
import subprocess

PACKAGES = {"nginx": "nginx", "haproxy": "haproxy", "wrk": "wrk", "h2load": "nghttp2-client",
            "nghttpd": "nghttp2-server", "openssl": "openssl", "ab": "apache2-utils",
            "taskset": "util-linux", "strace": "strace", "perf": "linux-perf",
            "valgrind": "valgrind", "callgrind_control": "valgrind",
            "callgrind_annotate": "valgrind"}

# Below net.ipv4.ip_local_port_range, so that no outgoing connection can hold the port.
PORT_RANGE = range(20000, 30000)


class BenchError(Exception):
    """Something the user can act on; printed as one line, exit code 1."""


def require_tools(names):
    """Paths by name; nginx and haproxy live in sbin, which a user's PATH may lack."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    found = {name: shutil.which(name, path=path) for name in names}
    missing = [name for name, where in found.items() if where is None]
    if missing:
        packages = " ".join(sorted({PACKAGES[name] for name in missing}))
        raise BenchError(f"missing: {', '.join(missing)}; install with: "
                         f"apt-get install -y {packages}")
    return found


def choose_cores():
    """(core of the target, core of origin and load): the same one if there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else (cores[0], cores[0])


def raise_descriptor_limit():
    """Lifts the soft limit to the hard one, for this process and its children; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


_claims = []


def free_port():
    """Each is given once, also by processes that run at the same time: it is claimed by a name."""
    for port in random.sample(PORT_RANGE, 200):
        claim = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                claim.bind(f"\0holdfast-bench-{port}")
                probe.bind(("127.0.0.1", port))
            except OSError:
                claim.close()
                continue
        _claims.append(claim)
        return port
    raise BenchError(f"no free port on 127.0.0.1 in {PORT_RANGE.start}-{PORT_RANGE.stop}")


def parent_of(stat_text):
    """The parent's pid from /proc/PID/stat, whose second field may hold spaces and parentheses."""
    return int(stat_text.rpartition(")")[2].split()[1])


def descendants(root, parents):
    """root and everything below it, given {pid: parent pid}."""
    family = [root]
    for pid in family:
        family.extend(child for child, parent in parents.items() if parent == pid)
    return family


def process_tree(root):
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = parent_of((entry / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return descendants(root, parents)


def cpu_ns(root):
    """Nanoseconds on a CPU so far, of every thread of every process of the tree under root."""
    total = 0
    for pid in process_tree(root):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total


def parse_smaps(text):
    """The fields of smaps_rollup in bytes."""
    fields = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":
            fields[words[0].rstrip(":")] = int(words[1]) * 1024
    return fields


def memory(root):
    """Bytes of the tree under root: its own dirty pages, and the two usual whole-process sums."""
    sums = {"private_dirty": 0, "rss": 0, "pss": 0}
    for pid in process_tree(root):
        fields = parse_smaps(pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text())
        sums["private_dirty"] += fields["Private_Dirty"]
        sums["rss"] += fields["Rss"]
        sums["pss"] += fields["Pss"]
    return sums


def parse_callgrind_total(text):
    """Instructions in one callgrind.out file."""
    found = re.search(r"^totals: (\d+)", text, re.MULTILINE)
    if found is None:
        raise BenchError("callgrind wrote no total")
    return int(found[1])


def parse_cpu_line(text, core):
    """(all ticks, stolen ticks) of one core from /proc/stat."""
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == f"cpu{core}":
            ticks = [int(word) for word in words[1:9]]
            return sum(ticks), ticks[7]
    raise BenchError(f"/proc/stat has no line for core {core}")


def core_ticks(core):
    return parse_cpu_line(pathlib.Path("/proc/stat").read_text(), core)


def first_line(argv, codes=(0,)):
    """The first line a command prints on either stream, or "unknown"."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines and done.returncode in codes else "unknown"


def describe():
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in cpuinfo.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    virtual = "hypervisor" in fields.get("flags", "").split()
    return {
        "cpu": fields.get("model name", platform.processor() or "unknown"),
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "virtual": virtual,
        "kernel": platform.release(),
        "kind": f"{platform.machine()}-{os.cpu_count()}cpu-{'vm' if virtual else 'metal'}",
        "load_average_at_start": os.getloadavg()[0],
    }
