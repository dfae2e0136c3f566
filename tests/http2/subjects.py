"""The programs that the suite is run against: the gateway, and others that it is tested on."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Sequence

from client import BIG, BIG_SIZE, ECHO, SERVED

_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
# What a sanitizer or one of the gateway's own checks says.
_REPORTS = re.compile(r"ERROR: (?:Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:"
                      r"|broken invariant:|terminate called")
# The paths of the client half begin with the name of an upstream.
UPSTREAM = "/c{}/"


class Running:
    """A server that somebody else has started."""

    proxies = False
    drops = False
    alive = True

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address

    def stop(self) -> list[str]:
        return []


class Subject:
    """A server that is started here: either half's cases talk to `address`."""

    # Whether requests reach the origin, and whether there are HTTP/2 upstreams.
    proxies = True
    h2_upstreams = False
    # Whether clients are told of a broken upstream only by the end of their stream or connection.
    drops = False

    def __init__(self, folder: Path, origin: int, upstreams: Sequence[int], tls: bool) -> None:
        self.folder = folder
        self.origin = origin
        self.upstreams = upstreams
        self.port = 0
        self.key_files = _make_certificate(folder) if tls else None
        self._log = folder / "log"
        with open(self._log, "wb") as log:
            try:
                self._process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                                 stdout=log, stderr=log, start_new_session=True)
            except OSError as error:
                raise SystemExit(f"error: {error}") from error
        self._await_start()

    def command(self) -> list[str]:
        raise NotImplementedError

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def stop(self) -> list[str]:
        """Ends it; returns what was wrong with it."""
        died = self._process.poll()
        if died is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        found = [] if died is None else [f"it ended by itself with code {died}:\n{self.log()}"]
        return found + [line for line in self.log().splitlines() if _REPORTS.search(line)]

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def ready(self) -> bool:
        try:
            socket.create_connection(self.address, timeout=1).close()
        except OSError:
            return False
        return True

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def _await_start(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise SystemExit(f"error: {type(self).__name__} did not start:\n{self.log()}")
            time.sleep(0.02)


class Gateway(Subject):
    """The gateway under test."""

    h2_upstreams = True
    binary = ""

    def command(self) -> list[str]:
        tls = ""
        if self.key_files:
            cert, key = self.key_files
            tls = f", tls: {{certificates: [{{cert: {cert}, key: {key}}}]}}"
        lines = ["workers: 1", "status: off", "drain: {delay: 0s, timeout: 1s}", "listeners:",
                 f'  - {{name: edge, bind: "127.0.0.1:0", protocols: [h2, h1]{tls}}}',
                 "upstreams:", f'  origin: {{endpoints: ["127.0.0.1:{self.origin}"]}}']
        for place, port in enumerate(self.upstreams):
            lines.append(f'  c{place}: {{endpoints: ["127.0.0.1:{port}"], protocol: h2}}')
        lines.append("routes:")
        for place in range(len(self.upstreams)):
            lines.append(f'  - {{match: {{path_prefix: "{UPSTREAM.format(place)}"}}, '
                         f'upstream: c{place}}}')
        lines.append("  - {upstream: origin}\n")
        return [self.binary, "run", "-c", self.write("holdfast.yaml", "\n".join(lines))]

    def ready(self) -> bool:
        log = self.log()
        match = re.search(r" info listening name=edge address=\S*:(\d+)", log)
        if match is None or " info ready" not in log:
            return False
        self.port = int(match.group(1))
        return True


class Nghttpd(Subject):
    """nghttp2's server."""

    proxies = False

    def command(self) -> list[str]:
        self.port = _free_port()
        files = self.folder / "files"
        files.mkdir()
        (files / ECHO[1:]).write_bytes(b"hello")
        (files / SERVED[1:]).write_bytes(b"served")
        (files / BIG[1:]).write_bytes(b"x" * BIG_SIZE)
        command = ["nghttpd", "-a", "127.0.0.1", "-d", str(files), "--echo-upload"]
        if self.key_files is None:
            return [*command, "--no-tls", str(self.port)]
        return [*command, str(self.port), *reversed(self.key_files)]


class Nghttpx(Subject):
    """nghttp2's proxy."""

    h2_upstreams = True
    drops = True

    def command(self) -> list[str]:
        self.port = _free_port()
        command = ["nghttpx", "--conf=/dev/null", "--workers=1", "--accesslog-file=/dev/null",
                   f"-b127.0.0.1,{self.origin};/;proto=http/1.1"]
        for place, port in enumerate(self.upstreams):
            command.append(f"-b127.0.0.1,{port};{UPSTREAM.format(place)};proto=h2")
        if self.key_files is None:
            return [*command, f"-f127.0.0.1,{self.port};no-tls"]
        return [*command, f"-f127.0.0.1,{self.port}", *reversed(self.key_files)]


class Haproxy(Subject):
    """HAProxy, on both sides."""

    h2_upstreams = True
    drops = True

    def command(self) -> list[str]:
        self.port = _free_port()
        bind = f"  bind 127.0.0.1:{self.port}"
        if self.key_files:
            both = "".join(Path(path).read_text() for path in self.key_files)
            bind += f" ssl crt {self.write('both.pem', both)} alpn h2"
        lines = ["global", "  nbthread 1", "defaults", "  mode http", "  timeout client 20s",
                 "  timeout server 20s", "  timeout connect 5s", "  retry-on all-retryable-errors",
                 "frontend edge", bind]
        backends = ["backend origin", f"  server s 127.0.0.1:{self.origin}"]
        for place, port in enumerate(self.upstreams):
            lines.append(f"  use_backend c{place} if {{ path_beg {UPSTREAM.format(place)} }}")
            backends += [f"backend c{place}", f"  server s 127.0.0.1:{port} proto h2"]
        lines += ["  default_backend origin", *backends, ""]
        return ["haproxy", "-db", "-f", self.write("haproxy.cfg", "\n".join(lines))]


class Nginx(Subject):
    """nginx, which speaks HTTP/2 to clients only."""

    def command(self) -> list[str]:
        self.port = _free_port()
        tls = ""
        if self.key_files:
            tls = "ssl_certificate {}; ssl_certificate_key {};".format(*self.key_files)
        return ["nginx", "-p", str(self.folder), "-e", "stderr", "-c", self.write("nginx.conf", f"""
daemon off;
worker_processes 1;
pid nginx.pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;
  uwsgi_temp_path t4; scgi_temp_path t5;
  server {{
    listen 127.0.0.1:{self.port} http2 {'ssl' if tls else ''};
    {tls}
    location / {{
      proxy_pass http://127.0.0.1:{self.origin};
      proxy_http_version 1.1;
      proxy_request_buffering off;
    }}
  }}
}}
""")]


class H2o(Subject):
    """h2o, which speaks HTTP/2 to clients only."""

    def command(self) -> list[str]:
        self.port = _free_port()
        tls = ""
        if self.key_files:
            tls = "\n  ssl: {{certificate-file: {}, key-file: {}}}".format(*self.key_files)
        return ["h2o", "-c", self.write("h2o.conf", f"""
num-threads: 1
listen:
  host: 127.0.0.1
  port: {self.port}{tls}
hosts:
  default:
    paths:
      /:
        proxy.reverse.url: http://127.0.0.1:{self.origin}/
""")]


PEERS = {"nghttpd": Nghttpd, "nghttpx": Nghttpx, "haproxy": Haproxy, "nginx": Nginx, "h2o": H2o}


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def _make_certificate(folder: Path) -> tuple[str, str]:
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=conformance.test", "-addext", "subjectAltName=DNS:conformance.test",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key
