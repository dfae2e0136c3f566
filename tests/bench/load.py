"""The load on a target: wrk for the busy connections, our own sockets for the idle ones."""

import http.client
import json
import pathlib
import signal
import socket
import subprocess
import time

import machine
from machine import BenchError
from targets import LARGE_BODY_BYTES, SMALL_BODY

WARM_UP_SECONDS = 0.5
SETTLE_SECONDS = 0.5
IO_TIMEOUT_SECONDS = 10
REPORT_SCRIPT = pathlib.Path(__file__).resolve().parent / "wrk_report.lua"


def wrk_command(wrk, port, path, connections, close, seconds):
    argv = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(REPORT_SCRIPT)]
    if close:
        argv += ["-H", "Connection: close"]
    return [*argv, f"http://127.0.0.1:{port}{path}"]


def parse_wrk(output):
    """The RESULT line of wrk_report.lua."""
    for line in output.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line.removeprefix("RESULT "))
    raise BenchError(f"wrk printed no result:\n{output.strip()}")


def sample_from(result, cpu_ns, wall_ns, steal_percent):
    """One measurement in the units of the report."""
    if result["requests"] == 0:
        raise BenchError(f"wrk completed no request; errors: {result['errors']}")
    return {
        "cpu_us_per_request": cpu_ns / 1000 / result["requests"],
        "requests": result["requests"],
        "requests_per_second": result["requests"] * 1e6 / result["duration_us"],
        "p50_us": result["p50_us"],
        "p99_us": result["p99_us"],
        "errors": sum(result["errors"].values()),
        "error_kinds": {kind: n for kind, n in result["errors"].items() if n},
        "busy_percent": 100 * cpu_ns / wall_ns,
        "steal_percent": steal_percent,
    }


class Load:
    """wrk against one port. The caller's CPU affinity, which wrk inherits, is the load's core."""

    def __init__(self, wrk, target_core):
        self._wrk = wrk
        self._target_core = target_core

    def run(self, port, case, seconds):
        argv = wrk_command(self._wrk, port, case.path, case.connections, case.close, seconds)
        done = subprocess.run(argv, capture_output=True, text=True, check=False,
                              timeout=seconds + 60)
        if done.returncode != 0:
            raise BenchError(f"wrk failed ({done.returncode}): {done.stderr.strip()}")
        return parse_wrk(done.stdout)

    def warm_up(self, port, case):
        # wrk counts whole seconds only; SIGINT ends it early and in order.
        argv = wrk_command(self._wrk, port, case.path, case.connections, case.close, 60)
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as wrk:
            try:
                time.sleep(WARM_UP_SECONDS)
                wrk.send_signal(signal.SIGINT)
                wrk.wait(IO_TIMEOUT_SECONDS)
            finally:
                wrk.kill()

    def measure(self, target, case, seconds):
        """Warms up, then CPU time of the target's whole process tree over one wrk run."""
        self.warm_up(target.port, case)
        all_before, stolen_before = machine.core_ticks(self._target_core)
        cpu_before, wall_before = machine.cpu_ns(target.pid), time.monotonic_ns()
        result = self.run(target.port, case, seconds)
        cpu_after, wall_after = machine.cpu_ns(target.pid), time.monotonic_ns()
        all_after, stolen_after = machine.core_ticks(self._target_core)
        target.check_alive()
        steal = 100 * (stolen_after - stolen_before) / max(1, all_after - all_before)
        return sample_from(result, cpu_after - cpu_before, wall_after - wall_before, steal)


def probe(target, path, close):
    """Fails unless the target answers as the case assumes: status, body, and kept or closed."""
    expected = LARGE_BODY_BYTES if path == "/large" else len(SMALL_BODY)
    where = f"{target.name}: GET {path}"
    client = http.client.HTTPConnection("127.0.0.1", target.port, timeout=IO_TIMEOUT_SECONDS)
    try:
        for _ in range(2):
            client.request("GET", path, headers={"Connection": "close"} if close else {})
            response = client.getresponse()
            body = response.read()
            if response.status != 200 or len(body) != expected:
                raise BenchError(f"{where} gave {response.status} and {len(body)} bytes instead of "
                                 f"200 and {expected}")
            if response.will_close != close:
                wanted = "closed" if close else "kept"
                raise BenchError(f"{where}: the connection was to be {wanted} and was not")
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"{where} failed: {error!r}") from error
    finally:
        client.close()


class IdleConnections:
    """Holds `count` kept connections, each of which has had one request answered."""

    def __init__(self, target, path, count):
        self._target = target
        self._request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self._count = count
        self._sockets = []

    def __enter__(self):
        try:
            for _ in range(self._count):
                self._open_one()
        except OSError as error:
            opened = len(self._sockets)
            self.__exit__()
            raise BenchError(f"{self._target.name}: idle connection {opened + 1} of {self._count} "
                             f"failed: {error}") from error
        return self

    def __exit__(self, *_):
        for connection in self._sockets:
            connection.close()
        self._sockets.clear()

    def _open_one(self):
        connection = socket.create_connection(("127.0.0.1", self._target.port),
                                              timeout=IO_TIMEOUT_SECONDS)
        self._sockets.append(connection)
        connection.sendall(self._request)
        answer = b""
        while not answer.endswith(SMALL_BODY.encode()):
            piece = connection.recv(4096)
            if not piece:
                raise OSError("closed before its answer was complete")
            answer += piece

    def lost(self):
        """How many of them the target has closed."""
        return sum(not self._is_open(connection) for connection in self._sockets)

    @staticmethod
    def _is_open(connection):
        connection.setblocking(False)
        try:
            connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False


def measure_idle(target, before, count, seconds):
    """Memory and CPU of a target that does nothing but hold `count` connections."""
    time.sleep(SETTLE_SECONDS)
    after = machine.memory(target.pid)
    cpu_before, wall_before = machine.cpu_ns(target.pid), time.monotonic_ns()
    time.sleep(seconds)
    cpu_ns = machine.cpu_ns(target.pid) - cpu_before
    return {
        "connections": count,
        "bytes_per_connection": (after["private_dirty"] - before["private_dirty"]) / count,
        "process_rss_bytes": after["rss"],
        "process_pss_bytes": after["pss"],
        "cpu_percent": 100 * cpu_ns / (time.monotonic_ns() - wall_before),
    }
