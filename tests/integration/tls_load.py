"""Clients of a TLS server, for as long as its certificates are swapped.

    tls_load.py ADDRESS AUTHORITY.pem KEPT NEW

KEPT of them keep one connection each, NEW of them make a new one for every request; all verify
whom they talk to. Prints `names a.test n1.test` for each new connection, by its certificate.
SIGTERM ends them: then the last line says how many requests each kind has made, and what failed.
"""

import json
import signal
import socket
import ssl
import sys
import threading

HOST = "a.test"
REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
stop = threading.Event()
lock = threading.Lock()
failures = []


def connect(address, context):
    raw = socket.create_connection(address, 20)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, server_hostname=HOST)


def ask(connection):
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"hello"):
        part = connection.recv(65536)
        if not part:
            raise EOFError("closed before the end of the response")
        answer += part
    if not answer.startswith(b"HTTP/1.1 200 ") or b"connection: close" in answer.lower():
        raise ValueError(answer.decode("latin-1"))


def run(kind, counts, work):
    """Repeats `work` until the end; what it raises is a failure, after which it goes on."""
    while not stop.is_set():
        try:
            for _ in work():
                counts[kind] += 1
        except Exception as error:  # Whatever it is, a client has noticed.
            with lock:
                failures.append(f"{kind}: {type(error).__name__}: {error}")


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    address = (host, int(port))
    context = ssl.create_default_context(cafile=sys.argv[2])

    def kept():
        with connect(address, context) as connection:
            while not stop.is_set():
                ask(connection)
                yield
                stop.wait(0.002)

    def new():
        with connect(address, context) as connection:
            names = [name for _, name in connection.getpeercert()["subjectAltName"]]
            with lock:
                print("names", *names, flush=True)
            ask(connection)
            yield

    counts = [{"kept": 0, "new": 0} for _ in range(int(sys.argv[3]) + int(sys.argv[4]))]
    kinds = [("kept", kept)] * int(sys.argv[3]) + [("new", new)] * int(sys.argv[4])
    threads = [threading.Thread(target=run, args=(kind, mine, work))
               for (kind, work), mine in zip(kinds, counts)]
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(20)
    print(json.dumps({"kept": sum(one["kept"] for one in counts),
                      "new": sum(one["new"] for one in counts), "failures": failures[:20]}))


if __name__ == "__main__":
    main()
