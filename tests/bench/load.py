"""The load on a target: wrk for the busy connections, h2load for those of HTTP/2, ab for full
handshakes of TLS and openssl for resumed ones; a client of our own that pauses where bodies are
made smaller, and our own sockets for the idle ones."""

import dataclasses
import http.client
import json
import pathlib
import re
import signal
import socket
import ssl
import statistics
import subprocess
import time
import zlib

import http2_client
import machine
from machine import BenchError
from targets import HUGE_BODY_BYTES, LARGE_BODY_BYTES, SMALL_BODY

WARM_UP_SECONDS = 0.5
SETTLE_SECONDS = 0.5
IO_TIMEOUT_SECONDS = 10
# A target may leave bodies as they are when it is too busy.
PAUSE_SECONDS = 0.004
AB_ENOUGH = 1_000_000  # requests, so that the time ends the run
REPORT_SCRIPT = pathlib.Path(__file__).resolve().parent / "wrk_report.lua"


def wrk_command(wrk, port, case, seconds):
    argv = [wrk, "-t1", f"-c{case.connections}", f"-d{seconds}s", "-s", str(REPORT_SCRIPT)]
    if case.close:
        argv += ["-H", "Connection: close"]
    return [*argv, f"{'https' if case.tls else 'http'}://127.0.0.1:{port}{case.path}"]


def full_command(ab, port, case, seconds):
    """wrk resumes sessions where it can, and so asks more of one server than of another; this one
    never does."""
    return [ab, "-q", "-c", str(case.connections), "-t", str(seconds), "-n", str(AB_ENOUGH),
            "-f", "TLS1.3", f"https://127.0.0.1:{port}{case.path}"]


def parse_full(output):
    """What ab says, as wrk's result."""
    def number(pattern):
        found = re.search(pattern, output, re.MULTILINE)
        return float(found[1]) if found else None

    requests = number(r"^Complete requests: +(\d+)$")
    seconds = number(r"^Time taken for tests: +([\d.]+) seconds$")
    if requests is None or seconds is None:
        raise BenchError(f"ab printed no result:\n{output.strip()}")
    return {"requests": int(requests), "duration_us": round(seconds * 1e6),
            "p50_us": 1000 * (number(r"^ +50% +(\d+)$") or 0),
            "p99_us": 1000 * (number(r"^ +99% +(\d+)$") or 0),
            "errors": {"read": int(number(r"^Failed requests: +(\d+)$") or 0),
                       "status": int(number(r"^Non-2xx responses: +(\d+)$") or 0)}}


def resuming_command(openssl, port, case, seconds):
    """One client that does nothing but resume its session."""
    return [openssl, "s_time", "-connect", f"127.0.0.1:{port}", "-www", case.path, "-reuse",
            "-time", str(seconds)]


def parse_resuming(output):
    """The last line of s_time, as wrk's result; it knows of no latencies and goes on after no
    error."""
    found = re.findall(r"^(\d+) connections in (\d+) real seconds", output, re.MULTILINE)
    if not found:
        raise BenchError(f"openssl s_time printed no result:\n{output.strip()}")
    connections, seconds = map(int, found[-1])
    return {"requests": connections, "duration_us": seconds * 1e6, "p50_us": 0, "p99_us": 0,
            "errors": {}}


def h2load_command(h2load, port, case, *amount):
    """In clear with prior knowledge; `amount` is -D and seconds, or -n and requests."""
    return [h2load, "-t1", f"-c{case.connections}", f"-m{case.streams}", *amount,
            f"http://127.0.0.1:{port}{case.path}"]


def parse_h2load(output):
    """h2load's summary as wrk's result. It knows a mean of latencies and no percentiles; `body` is
    how many bytes came in DATA frames."""
    requests = re.search(r"^requests: .* (\d+) done, \d+ succeeded, (\d+) failed, (\d+) errored, "
                         r"(\d+) timeout", output, re.MULTILINE)
    statuses = re.search(r"^status codes: .* (\d+) 4xx, (\d+) 5xx", output, re.MULTILINE)
    rate = re.search(r"^finished in .*, ([\d.]+) req/s", output, re.MULTILINE)
    body = re.search(r"^traffic: .*\((\d+)\) data$", output, re.MULTILINE)
    if not (requests and statuses and rate and body):
        raise BenchError(f"h2load printed no result:\n{output.strip()}")
    done, failed, errored, timeout = map(int, requests.groups())
    bad = int(statuses[1]) + int(statuses[2])
    # What was not finished in time is in neither number. The rate is that of the duration that was
    # asked for, without the time in which the clients are ended.
    return {"requests": done, "duration_us": done / float(rate[1]) * 1e6 if done else 0,
            "body": int(body[1]), "p50_us": 0, "p99_us": 0,
            "errors": {"status": bad, "errored": errored, "timeout": timeout,
                       "reset": max(0, failed - bad - errored - timeout)}}


def parse_wrk(output):
    """The RESULT line of wrk_report.lua."""
    for line in output.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line.removeprefix("RESULT "))
    raise BenchError(f"wrk printed no result:\n{output.strip()}")


def sample_from(result, cpu_ns, wall_ns, steal_percent):
    """One measurement in the units of the report."""
    if result["requests"] == 0:
        raise BenchError(f"no request was completed; errors: {result['errors']}")
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


def generator_of(case):
    """The program that makes a case's load."""
    if case.http2:
        return "h2load"
    if case.gzip:
        return "python3"
    return "ab" if case.full else "openssl" if case.resumed else "wrk"


class Load:
    """A generator against one port; `tools` are paths by name. The caller's CPU affinity, which it
    inherits, is the load's core."""

    def __init__(self, tools, target_core):
        self._tools = tools
        self._target_core = target_core

    def _command(self, port, case, seconds):
        if case.http2:
            return h2load_command(self._tools["h2load"], port, case, "-D", str(seconds))
        return wrk_command(self._tools["wrk"], port, case, seconds)

    def run(self, port, case, seconds):
        if case.gzip:
            return run_pausing(port, case, seconds)
        argv = self._command(port, case, seconds)
        if case.full:
            argv = full_command(self._tools["ab"], port, case, seconds)
        elif case.resumed:
            argv = resuming_command(self._tools["openssl"], port, case, seconds)
        done = subprocess.run(argv, capture_output=True, text=True, check=False,
                              timeout=seconds + 60)
        if done.returncode != 0:
            raise BenchError(f"{argv[0]} failed ({done.returncode}): {done.stderr.strip()}")
        parse = {"h2load": parse_h2load, "ab": parse_full, "openssl": parse_resuming,
                 "wrk": parse_wrk}
        return parse[generator_of(case)](done.stdout)

    def warm_up(self, port, case):
        if case.gzip:
            run_pausing(port, case, WARM_UP_SECONDS)
            return
        # wrk and h2load count whole seconds only; SIGINT ends them early.
        argv = self._command(port, case, 60)
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            try:
                time.sleep(WARM_UP_SECONDS)
                child.send_signal(signal.SIGINT)
                child.wait(IO_TIMEOUT_SECONDS)
            finally:
                child.kill()

    def probe(self, target, case):
        """Fails unless the target answers as the case assumes."""
        if case.http2:
            probe_http2(self._tools["h2load"], target, case)
        elif case.gzip:
            run_pausing(target.port, case, 0)
        else:
            probe(target, case)

    def measure(self, target, case, seconds):
        """Warms up, then CPU time of the target's whole process tree over one run."""
        self.warm_up(target.port, case)
        all_before, stolen_before = machine.core_ticks(self._target_core)
        cpu_before, wall_before = machine.cpu_ns(target.pid), time.monotonic_ns()
        result = self.run(target.port, case, seconds)
        cpu_after, wall_after = machine.cpu_ns(target.pid), time.monotonic_ns()
        all_after, stolen_after = machine.core_ticks(self._target_core)
        target.check_alive()
        steal = 100 * (stolen_after - stolen_before) / max(1, all_after - all_before)
        return sample_from(result, cpu_after - cpu_before, wall_after - wall_before, steal)


def unverified():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def body_bytes(path):
    return {"/large": LARGE_BODY_BYTES, "/json": LARGE_BODY_BYTES,
            "/huge": HUGE_BODY_BYTES}.get(path, len(SMALL_BODY))


def run_pausing(port, case, seconds):
    """One request after the other with a pause behind each, at least two; every body is unpacked
    and has to have come in gzip. The result is like wrk's."""
    times, size = [], 0
    begun = time.monotonic()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=IO_TIMEOUT_SECONDS)
    try:
        while len(times) < 2 or time.monotonic() < begun + seconds:
            asked = time.monotonic()
            client.request("GET", case.path, headers={"Accept-Encoding": "gzip"})
            response = client.getresponse()
            body = response.read()
            times.append(time.monotonic() - asked)
            size += len(body)
            if response.status != 200 or response.getheader("Content-Encoding") != "gzip":
                raise BenchError(f"GET {case.path} gave {response.status} in "
                                 f"{response.getheader('Content-Encoding')} instead of gzip")
            if len(zlib.decompress(body, zlib.MAX_WBITS | 16)) != body_bytes(case.path):
                raise BenchError(f"GET {case.path} gave another body")
            time.sleep(PAUSE_SECONDS)
    except (OSError, http.client.HTTPException, zlib.error) as error:
        raise BenchError(f"GET {case.path} failed: {error!r}") from error
    finally:
        client.close()
    times.sort()
    return {"requests": len(times), "duration_us": (time.monotonic() - begun) * 1e6,
            "bytes": size, "p50_us": statistics.median(times) * 1e6,
            "p99_us": times[len(times) * 99 // 100] * 1e6, "errors": {}}


def probe_http2(h2load, target, case):
    """Two requests, one after the other on one connection: statuses and bodies."""
    one = dataclasses.replace(case, connections=1, streams=1)
    done = subprocess.run(h2load_command(h2load, target.port, one, "-n", "2"),
                          capture_output=True, text=True, check=False, timeout=IO_TIMEOUT_SECONDS)
    result = parse_h2load(done.stdout)
    expected = 2 * body_bytes(case.path)
    if result["requests"] != 2 or any(result["errors"].values()) or result["body"] != expected:
        raise BenchError(f"{target.name}: two GET {case.path} over HTTP/2 gave {result} instead of "
                         f"2 requests and {expected} bytes")


def probe(target, case):
    """The same over HTTP/1: status, body, and kept or closed."""
    path, close = case.path, case.close
    expected = body_bytes(path)
    where = f"{target.name}: GET {path}"
    if case.tls:
        client = http.client.HTTPSConnection("127.0.0.1", target.port, timeout=IO_TIMEOUT_SECONDS,
                                             context=unverified())
    else:
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


class IdleClient:
    """A kept HTTP/1 connection that had one request answered."""

    def __init__(self, port, path, context):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=IO_TIMEOUT_SECONDS)
        if context is not None:
            self._socket = context.wrap_socket(self._socket)
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(SMALL_BODY.encode()):
            piece = self._socket.recv(4096)
            if not piece:
                raise OSError("closed before its answer was complete")
            answer += piece

    def is_open(self):
        self._socket.setblocking(False)
        try:
            # TLS has no flags, and nothing is to be read that could be missed.
            if isinstance(self._socket, ssl.SSLSocket):
                return self._socket.recv(1) != b""
            self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        return False

    def close(self):
        self._socket.close()


class IdleConnections:
    """Holds as many connections as the case wants, each of which has had one request answered."""

    def __init__(self, target, case):
        self._target = target
        self._case = case
        self._context = unverified() if case.tls else None
        self._clients = []

    def __enter__(self):
        try:
            for _ in range(self._case.idle):
                self._clients.append(self._open_one())
        except OSError as error:
            opened = len(self._clients)
            self.__exit__()
            raise BenchError(f"{self._target.name}: idle connection {opened + 1} of "
                             f"{self._case.idle} failed: {error}") from error
        return self

    def __exit__(self, *_):
        for client in self._clients:
            client.close()
        self._clients.clear()

    def _open_one(self):
        if not self._case.http2:
            return IdleClient(self._target.port, self._case.path, self._context)
        client = http2_client.Client(self._target.port, self._case.path, IO_TIMEOUT_SECONDS)
        if client.body != SMALL_BODY.encode():
            client.close()
            raise OSError(f"the answer has a body of {len(client.body)} bytes")
        return client

    def lost(self):
        """How many of them the target has closed."""
        return sum(not client.is_open() for client in self._clients)


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
