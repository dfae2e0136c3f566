"""The processes of the comparison: the origin, the relay and the three gateways, each with one
worker, upstream keep-alive on, logs off, and no limit that the load could meet."""

import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import time

from machine import BenchError, free_port

SMALL_BODY = "A kept connection is a promise: the next request pays only for itself."
LARGE_BODY_BYTES = 100 * 1024
HUGE_BODY_BYTES = 1024 * 1024
# What all targets speak where a case is over TLS: one version, one cipher suite, one certificate.
CIPHER_SUITE = "TLS_AES_128_GCM_SHA256"

GZIP_LEVEL = 3

READY_SECONDS = 30
STOP_SECONDS = 10
# One pause between the polite signal and the one that ends a drain at once.
DRAIN_CUT_SECONDS = 0.2


@dataclasses.dataclass(frozen=True)
class Speech:
    """What a target's clients speak, and its origin: HTTP/1.1 in clear unless it is told
    otherwise. HTTP/2 is in clear with prior knowledge."""
    tls: bool = False
    http2: bool = False
    upstream_http2: bool = False
    gzip: bool = False    # of what is proxied, each at the same level
    duties: bool = False  # of Holdfast alone: fields both ways, an address list, a rate limit


class Certificate:
    """A self-signed one on P-256, as the files that the targets want."""

    def __init__(self, directory):
        self.cert = pathlib.Path(directory) / "site.pem"
        self.key = pathlib.Path(directory) / "site.key"
        self.both = pathlib.Path(directory) / "both.pem"
        if self.both.exists():
            return
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=site",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", str(self.key), "-out", str(self.cert)],
                       check=True, capture_output=True)
        self.key.chmod(0o600)
        self.both.write_text(self.cert.read_text() + self.key.read_text())


def nginx_tls(certificate):
    return f"""\
    ssl_certificate {certificate.cert};
    ssl_certificate_key {certificate.key};
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites {CIPHER_SUITE};
""" if certificate else ""


def nginx_gzip():
    return f"""\
      gzip on;
      gzip_comp_level {GZIP_LEVEL};
      gzip_types application/json;
"""


def nginx_config(port, origin_port, descriptors, speech, certificate):
    transport = "ssl" if certificate else "http2" if speech.http2 else ""
    return f"""\
daemon off;
worker_processes 1;
worker_rlimit_nofile {descriptors};
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 20000; }}
http {{
  access_log off;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  upstream origin {{
    server 127.0.0.1:{origin_port};
    keepalive 2000;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }}
  server {{
    listen 127.0.0.1:{port} {transport} backlog=4096;
{nginx_tls(certificate)}\
    location = /self {{ default_type text/plain; return 200 "{SMALL_BODY}"; }}
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_buffers 16 8k;
      proxy_max_temp_file_size 0;
{nginx_gzip() if speech.gzip else ""}\
    }}
  }}
}}
"""


def haproxy_gzip():
    return """\
  compression algo gzip
  compression type application/json
"""


def haproxy_tls(certificate):
    return (f"ssl crt {certificate.both} ssl-min-ver TLSv1.3 ciphersuites {CIPHER_SUITE}"
            if certificate else "")


def haproxy_config(port, origin_port, descriptors, speech, certificate):
    # Two descriptors for each connection, and some for HAProxy itself. Without the two ratios it
    # stops pooling upstream connections once 5,000 idle clients hold a fifth of the descriptors.
    connections = min(16000, (descriptors - 500) // 2)
    transport = "proto h2" if speech.http2 else haproxy_tls(certificate)
    upstream = "proto h2" if speech.upstream_http2 else ""
    return f"""\
global
  nbthread 1
  maxconn {connections}
  tune.pool-low-fd-ratio 90
  tune.pool-high-fd-ratio 95
  tune.comp.maxlevel {GZIP_LEVEL}
defaults
  mode http
  option http-keep-alive
  option forwardfor
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
frontend edge
  bind 127.0.0.1:{port} backlog 4096 {transport}
  maxconn {connections}
  http-request return status 200 content-type text/plain string "{SMALL_BODY}" if {{ path /self }}
  default_backend origin
backend origin
  http-reuse always
{haproxy_gzip() if speech.gzip else ""}\
  server origin 127.0.0.1:{origin_port} {upstream} pool-max-conn 2000 pool-purge-delay 600s
"""


def holdfast_tls(certificate):
    return f"""\
    tls:
      certificates: [{{cert: {certificate.cert}, key: {certificate.key}}}]
      min_version: tls1.3
      ciphers: {CIPHER_SUITE}
""" if certificate else ""


def holdfast_gzip():
    return f"""\
    compression: {{algorithms: [gzip], types: [application/json], level: {GZIP_LEVEL}}}
"""


def holdfast_duties():
    return """\
    request_headers: {set: {x-edge: holdfast}, remove: [x-debug]}
    response_headers: {set: {x-served-by: edge}, remove: [server]}
    allow: [127.0.0.0/8, 10.0.0.0/8]
    rate_limit: {requests: 1000000, per: 1s, key: client}
"""


def holdfast_config(port, origin_port, descriptors, speech, certificate):
    del descriptors  # Holdfast derives its caps from the limit by itself.
    return f"""\
workers: 1
status: off
access_log: off
listeners:
  - name: edge
    bind: 127.0.0.1:{port}
    idle_timeout: 600s
{"    protocols: [h2]" if speech.http2 else ""}
{holdfast_tls(certificate)}\
upstreams:
  origin:
    endpoints: ["127.0.0.1:{origin_port}"]
{"    protocol: h2" if speech.upstream_http2 else ""}
    max_connections: 2000
    max_idle: 2000
routes:
  - match: {{path: /self}}
    respond:
      status: 200
      body: "{SMALL_BODY}"
      headers: {{content-type: text/plain}}
  - match: {{path_prefix: /}}
    upstream: origin
{holdfast_gzip() if speech.gzip else ""}\
{holdfast_duties() if speech.duties else ""}\
"""


CONFIGS = {"holdfast": holdfast_config, "nginx": nginx_config, "haproxy": haproxy_config}
FLOOR = "relay"  # which needs no configuration
NAMES = (*CONFIGS, FLOOR)


def command(name, binary, config_file, directory):
    return {
        "holdfast": [binary, "run", "-c", str(config_file)],
        "nginx": [binary, "-p", str(directory), "-e", "stderr", "-c", str(config_file)],
        "haproxy": [binary, "-db", "-f", str(config_file)],
    }[name]


class Process:
    """One pinned child that listens on a port of 127.0.0.1; a context manager that ends it."""

    def __init__(self, name, argv, port, core, directory):
        self.name = name
        self.port = port
        self._log_path = pathlib.Path(directory) / f"{name}.log"
        with open(self._log_path, "wb") as log:
            # taskset executes the command in its own place, so this pid is the command's. A
            # session of its own lets one signal reach nginx's worker with its master.
            self._child = subprocess.Popen(["taskset", "-c", str(core), *argv], stdout=log,
                                           stderr=log, stdin=subprocess.DEVNULL, cwd=directory,
                                           start_new_session=True)

    @property
    def pid(self):
        return self._child.pid

    def __enter__(self):
        try:
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    def _log_tail(self):
        text = self._log_path.read_text(errors="replace").strip()
        return "\n".join(text.splitlines()[-8:]) or "(it printed nothing)"

    def _wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._child.poll() is not None:
                raise BenchError(f"{self.name} ended with code {self._child.returncode} while "
                                 f"starting:\n{self._log_tail()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise BenchError(f"{self.name} accepts no connection on 127.0.0.1:{self.port} after "
                         f"{READY_SECONDS} s:\n{self._log_tail()}")

    def _stop(self):
        steps = ((signal.SIGTERM, DRAIN_CUT_SECONDS), (signal.SIGTERM, STOP_SECONDS),
                 (signal.SIGKILL, STOP_SECONDS))
        for signal_number, patience in steps:
            if self._child.poll() is not None:
                return
            try:
                os.killpg(self.pid, signal_number)
                self._child.wait(patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue

    def check_alive(self):
        if self._child.poll() is not None:
            raise BenchError(f"{self.name} ended with code {self._child.returncode} under load:\n"
                             f"{self._log_tail()}")


def start_origin(binary, core, directory):
    port = free_port()
    return Process("origin", [str(binary), str(port)], port, core, directory)


def start_http2_origin(binary, core, directory):
    """nghttpd, which knows /small alone, and no limit that the targets could meet."""
    documents = pathlib.Path(directory) / "documents"
    documents.mkdir()
    (documents / "small").write_text(SMALL_BODY)
    port = free_port()
    argv = [str(binary), "--no-tls", "--address=127.0.0.1", f"--htdocs={documents}", "--workers=1",
            "--max-concurrent-streams=2000", str(port)]
    return Process("http2_origin", argv, port, core, directory)


def start_target(name, binary, origin_port, core, directory, descriptors, wrapper=(),
                 speech=Speech()):
    """One gateway, or the relay, on a fresh port. `wrapper` (a profiler) goes before its command
    line. The relay knows plain HTTP/1.1 alone."""
    port = free_port()
    if name == FLOOR:
        argv = [str(binary), str(port), str(origin_port)]
    else:
        config_file = pathlib.Path(directory) / f"{name}.conf"
        config_file.write_text(CONFIGS[name](
            port, origin_port, descriptors, speech,
            Certificate(directory) if speech.tls else None))
        argv = command(name, str(binary), config_file, directory)
    argv = [*wrapper, *argv]
    return Process(name, argv, port, core, directory)
