"""An HTTP/2 client in clear with prior knowledge (RFC 9113), just enough to ask once and rest."""

import socket

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD_BYTES = 9
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
STREAM = 1
# RFC 7541, appendix A.
AUTHORITY_INDEX, GET, PATH_INDEX, SCHEME_HTTP = 1, 0x82, 4, 0x86


def frame(kind, flags, stream, payload=b""):
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") +
            payload)


def _literal(name_index, value):
    """A field that nobody is to remember (RFC 7541, 6.2.2), of up to 126 bytes."""
    if len(value) > 126:
        raise ValueError(f"{len(value)} bytes are too many for a length of one byte")
    return bytes([name_index, len(value)]) + value.encode()


def get(path, authority):
    """The header block of a GET request in clear."""
    return (bytes([GET, SCHEME_HTTP]) + _literal(PATH_INDEX, path) +
            _literal(AUTHORITY_INDEX, authority))


def take_frames(buffer):
    """Removes the whole frames from `buffer`: [(kind, flags, stream, payload)]."""
    frames = []
    while len(buffer) >= FRAME_HEAD_BYTES:
        end = FRAME_HEAD_BYTES + int.from_bytes(buffer[:3], "big")
        if len(buffer) < end:
            break
        frames.append((buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big") & 0x7fffffff,
                       bytes(buffer[FRAME_HEAD_BYTES:end])))
        del buffer[:end]
    return frames


class Client:
    """A connection that asks for `path` and has the body of the answer. OSError if there is
    none."""

    def __init__(self, port, path, timeout):
        self.body = b""
        self._buffer = bytearray()
        self._answered = False
        self._ended = False
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        try:
            self._socket.sendall(PREFACE + frame(SETTINGS, 0, 0) +
                                 frame(HEADERS, END_STREAM | END_HEADERS, STREAM,
                                       get(path, "127.0.0.1")))
            while not self._answered:
                self._read()
        except OSError:
            self._socket.close()
            raise

    def _read(self):
        piece = self._socket.recv(65536)
        if not piece:
            raise OSError("the connection was closed")
        self._buffer += piece
        for kind, flags, stream, payload in take_frames(self._buffer):
            if kind == SETTINGS and not flags & ACK:
                self._socket.sendall(frame(SETTINGS, ACK, 0))
            if kind == GOAWAY or (kind, stream) == (RST_STREAM, STREAM):
                raise OSError("refused by " + ("GOAWAY" if kind == GOAWAY else "RST_STREAM"))
            if stream == STREAM and kind == DATA:
                self.body += payload
            if stream == STREAM and kind in (DATA, HEADERS) and flags & END_STREAM:
                self._answered = True

    def is_open(self):
        """False once the peer has closed the connection or said that it will. Reads what came."""
        self._socket.setblocking(False)
        try:
            while not self._ended:
                self._read()
        except BlockingIOError:
            pass
        except OSError:
            self._ended = True
        return not self._ended

    def close(self):
        self._socket.close()
