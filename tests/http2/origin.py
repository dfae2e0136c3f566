"""The HTTP/1.1 origin behind the gateway for the server half: it says what reached it.

    /echo     200 with a JSON object: method, target, fields, length of the body, trailers
    /big      200 with as many octets as it was told
    /cut      200 with some chunks, and closes before the last
    /short    200 with fewer octets than its Content-Length says, and closes
    /trailers 200 in chunks, with a trailer
    /interim  two 103, then 200
    /stall    reads nothing more after the head
    /tunnel   101 and everything back, for Upgrade: websocket
    others    as /echo
"""

import base64
import hashlib
import json
import socket
import threading
from typing import BinaryIO, Optional

_WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SMALL_BUFFER = 16_384


_CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"
_EARLY = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preconnect\r\n\r\n"
# target -> an answer as it stands, and whether the connection goes on.
_SCRIPTED = {
    "/cut": (_CHUNKED, False),
    "/short": (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello", False),
    "/trailers": (_CHUNKED + b"0\r\nx-sum: 7\r\n\r\n", True),
    "/interim": (2 * _EARLY + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", True),
}


class Origin:
    """Serves each connection in a thread of its own; ends with the process or with close()."""

    def __init__(self, big_size: int, port: int = 0) -> None:
        self._big = b"x" * big_size
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._requests: list[str] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # So that one that does not read is soon felt.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        self._listener.close()

    def take_requests(self) -> list[str]:
        """`METHOD target` of every whole request since the last call."""
        with self._lock:
            taken, self._requests = self._requests, []
        return taken

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            try:
                while self._serve_one(connection, reader):
                    pass
            except (OSError, ValueError):
                pass

    def _serve_one(self, connection: socket.socket, reader: BinaryIO) -> bool:
        line = reader.readline().decode("latin-1")
        if not line.endswith("\r\n"):
            return False
        method, target, _ = line.split(" ")
        fields = _read_fields(reader)
        if fields is None:
            return False
        if target.startswith("/stall"):
            self._ended.wait()
            return False
        if target.startswith("/tunnel") and dict(fields).get("upgrade") == "websocket":
            return _tunnel(connection, reader, dict(fields))
        body = _read_body(reader, fields)
        if body is None:
            return False
        length, trailers = body
        with self._lock:
            self._requests.append(f"{method} {target}")
        if target in _SCRIPTED:
            octets, goes_on = _SCRIPTED[target]
            connection.sendall(octets)
            return goes_on
        answer = self._big if target.startswith("/big") else json.dumps(
            {"method": method, "target": target, "fields": fields, "length": length,
             "trailers": trailers}).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
                           b"content-length: %d\r\n\r\n%s"
                           % (len(answer), b"" if method == "HEAD" else answer))
        return True


def _read_fields(reader: BinaryIO) -> Optional[list[tuple[str, str]]]:
    fields = []
    while (line := reader.readline()) != b"\r\n":
        if not line.endswith(b"\r\n"):
            return None
        name, _, value = line.decode("latin-1").partition(":")
        fields.append((name.lower(), value.strip()))
    return fields


def _read_body(reader: BinaryIO, fields: list) -> Optional[tuple[int, list]]:
    """Its length and its trailers; None when it ends too early."""
    if dict(fields).get("transfer-encoding") != "chunked":
        length = int(dict(fields).get("content-length", "0"))
        return (length, []) if len(reader.read(length)) == length else None
    total = 0
    while True:
        line = reader.readline()
        if not line.endswith(b"\r\n"):
            return None
        size = int(line.split(b";")[0], 16)
        if size == 0:
            trailers = _read_fields(reader)
            return None if trailers is None else (total, trailers)
        if len(reader.read(size + 2)) != size + 2:
            return None
        total += size


def _tunnel(connection: socket.socket, reader: BinaryIO, fields: dict[str, str]) -> bool:
    key = fields.get("sec-websocket-key", "").encode()
    accept = base64.b64encode(hashlib.sha1(key + _WEBSOCKET).digest())
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"
                       b"upgrade: websocket\r\nsec-websocket-accept: " + accept + b"\r\n\r\n")
    while octets := reader.read1(_SMALL_BUFFER):  # type: ignore[attr-defined]
        connection.sendall(octets)
    return False
