"""A service that can be killed at any moment and still knows what it has read.

usage: recording_origin.py PORT LOG

Every POST's target goes to the end of LOG as soon as its last byte was read, before it is acted on
or answered; the file survives whatever ends the process. SIGTERM ends it in order: it answers what
it has read, and closes. One thread, HTTP/1.1 with Content-Length, each answer in one write.
"""

import os
import selectors
import signal
import socket
import sys

BODY = b"done\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


def take_request(buffer):
    """(method, target) of a whole request at the front of `buffer`, which it is taken off; None
    while there is none."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = bytes(buffer[:end]).split(b"\r\n")
    length = 0
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if len(buffer) < end + 4 + length:
        return None
    del buffer[:end + 4 + length]
    method, target, _ = lines[0].decode().split(" ")
    return method, target


class Origin:
    def __init__(self, port, log):
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._selector = selectors.DefaultSelector()
        self._ended = False
        signal.signal(signal.SIGTERM, self._end)
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(512)
        self._selector.register(self._listener, selectors.EVENT_READ, None)

    def _end(self, *_):
        self._ended = True

    def serve(self):
        while not self._ended:
            for key, _ in self._selector.select(timeout=0.05):
                if key.data is None:
                    connection, _ = self._listener.accept()
                    self._selector.register(connection, selectors.EVENT_READ, bytearray())
                elif not self._serve_connection(key.fileobj, key.data):
                    self._selector.unregister(key.fileobj)
                    key.fileobj.close()

    def _serve_connection(self, connection, buffer):
        try:
            got = connection.recv(65536)
        except OSError:
            return False
        buffer += got
        while (request := take_request(buffer)) is not None:
            method, target = request
            if method == "POST":
                os.write(self._log, target.encode() + b"\n")
            try:
                connection.sendall(ANSWER)
            except OSError:
                return False
        return bool(got)


if __name__ == "__main__":
    Origin(int(sys.argv[1]), sys.argv[2]).serve()
