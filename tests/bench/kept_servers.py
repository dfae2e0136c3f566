"""Real servers that close kept connections after a few seconds, upstreams of tests/bench/expiry."""

import dataclasses
import os
import pathlib
import shutil

import machine
import targets

BODY = "kept\n"

# Node.js closes after 5 s unless it is told otherwise, and says so in Keep-Alive.
NODE_SCRIPT = f"""\
const http = require('http');
const server = http.createServer((request, response) => {{
  request.resume();
  request.on('end', () => response.end({BODY!r}));
}});
server.listen(Number(process.argv[1]), '127.0.0.1');
"""


def nginx_config(port):
    return f"""\
user root;
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{}}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_timeout 3s;
  keepalive_requests 1000000;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type text/plain; return 200 "{BODY.strip()}\\n"; }}
  }}
}}
"""


def apache_config(port, directory):
    modules = "/usr/lib/apache2/modules"
    # It refuses to serve as root.
    user = "User nobody\nGroup nogroup\n" if os.geteuid() == 0 else ""
    return f"""\
ServerRoot {directory}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {directory}/apache2.pid
DefaultRuntimeDir {directory}
ErrorLog /dev/stderr
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
{user}DocumentRoot {directory}/www
KeepAlive On
KeepAliveTimeout 5
MaxKeepAliveRequests 0
"""


def _nginx(program, port, directory, documents):
    del documents
    config = directory / "nginx.conf"
    config.write_text(nginx_config(port))
    return [program, "-p", str(directory), "-e", "stderr", "-c", str(config)]


def _node(program, port, directory, documents):
    del directory, documents
    return [program, "-e", NODE_SCRIPT, str(port)]


def _apache(program, port, directory, documents):
    (directory / "www").mkdir()
    for document in documents:
        (directory / "www" / document).write_text(BODY)
    config = directory / "apache2.conf"
    config.write_text(apache_config(port, directory))
    return [program, "-X" if os.geteuid() else "-DFOREGROUND", "-f", str(config)]


@dataclasses.dataclass(frozen=True)
class Server:
    program: str
    timeout: float  # seconds after which it closes an idle connection
    command: object  # (program, port, directory, documents) -> argv


SERVERS = {
    "nginx": Server("nginx", 3, _nginx),
    "node": Server("node", 5, _node),
    "apache": Server("apache2", 5, _apache),
}


def program_of(name):
    """The path of a server's program, or None when it is not installed."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    return shutil.which(SERVERS[name].program, path=path)


def start(name, documents, core, directory):
    """A targets.Process that answers BODY to requests for /DOCUMENT on a port of its own.

    The caller removes `directory`."""
    own = pathlib.Path(directory) / name
    own.mkdir()
    own.chmod(0o755)
    port = machine.free_port()
    argv = SERVERS[name].command(program_of(name), port, own, documents)
    return targets.Process(name, argv, port, core, own)
