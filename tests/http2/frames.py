"""HTTP/2 frames and HPACK fields as bytes: honest ones, and whatever else a test wants sent.

Nothing here checks anything, so that every rule of RFC 9113 and RFC 7541 can be broken.
"""

from enum import IntEnum
from typing import Iterable, Mapping, Optional, Union

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Flags. What a bit means depends on the frame's type.
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20

DEFAULT_WINDOW = 65_535
DEFAULT_FRAME_SIZE = 16_384
LARGEST_WINDOW = 2**31 - 1
LARGEST_FRAME_SIZE = 2**24 - 1


class Type(IntEnum):
    DATA = 0x0
    HEADERS = 0x1
    PRIORITY = 0x2
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9
    PRIORITY_UPDATE = 0x10
    UNKNOWN = 0xBE


class Error(IntEnum):
    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class Setting(IntEnum):
    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6
    ENABLE_CONNECT_PROTOCOL = 0x8


Settings = Union[Mapping[Setting, int], Mapping[int, int], Iterable[tuple[int, int]]]


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"",
          length: Optional[int] = None) -> bytes:
    """A frame; `length` is what it says of its payload when that is not the truth."""
    length = len(payload) if length is None else length
    return length.to_bytes(3, "big") + bytes([kind, flags]) + u32(stream) + payload


def data(stream: int, body: bytes = b"", end: bool = False, flags: int = 0) -> bytes:
    return frame(Type.DATA, flags | (END_STREAM if end else 0), stream, body)


def padded(payload: bytes, padding: int) -> bytes:
    """The payload of a frame that has the flag PADDED."""
    return bytes([padding]) + payload + bytes(padding)


def headers(stream: int, block: bytes, end: bool = False, flags: int = END_HEADERS) -> bytes:
    return frame(Type.HEADERS, flags | (END_STREAM if end else 0), stream, block)


def continuation(stream: int, block: bytes, last: bool = False) -> bytes:
    return frame(Type.CONTINUATION, END_HEADERS if last else 0, stream, block)


def priority_fields(depends_on: int = 0, weight: int = 16) -> bytes:
    return u32(depends_on) + bytes([weight - 1])


def priority(stream: int, depends_on: int = 0) -> bytes:
    return frame(Type.PRIORITY, 0, stream, priority_fields(depends_on))


def rst_stream(stream: int, code: int = Error.CANCEL) -> bytes:
    return frame(Type.RST_STREAM, 0, stream, u32(code))


def settings(values: Settings = ()) -> bytes:
    pairs = values.items() if isinstance(values, Mapping) else values
    return frame(Type.SETTINGS, 0, 0, b"".join(key.to_bytes(2, "big") + u32(value)
                                               for key, value in pairs))


def settings_ack() -> bytes:
    return frame(Type.SETTINGS, ACK, 0)


def push_promise(stream: int, promised: int, block: bytes) -> bytes:
    return frame(Type.PUSH_PROMISE, END_HEADERS, stream, u32(promised) + block)


def ping(payload: bytes = b"conforms", ack: bool = False) -> bytes:
    return frame(Type.PING, ACK if ack else 0, 0, payload)


def goaway(last_stream: int, code: int = Error.NO_ERROR, text: bytes = b"") -> bytes:
    return frame(Type.GOAWAY, 0, 0, u32(last_stream) + u32(code) + text)


def window_update(stream: int, increment: int) -> bytes:
    return frame(Type.WINDOW_UPDATE, 0, stream, u32(increment))


# HPACK (RFC 7541), by hand and without Huffman unless a string is given as raw bytes.

STATIC_GET = 2
STATIC_HTTP = 6
STATIC_PATH = 4
STATIC_AUTHORITY = 1
FIRST_DYNAMIC = 62


def integer(value: int, prefix_bits: int, first: int = 0) -> bytes:
    """An integer whose first octet holds `prefix_bits` of it below the pattern `first`."""
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([first | value])
    octets = bytearray([first | limit])
    value -= limit
    while value >= 0x80:
        octets.append(0x80 | value & 0x7F)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def string(text: bytes) -> bytes:
    return integer(len(text), 7) + text


def huffman(octets: bytes) -> bytes:
    """A string that says it is Huffman code, whatever the octets are."""
    return integer(len(octets), 7, 0x80) + octets


def indexed(index: int) -> bytes:
    return integer(index, 7, 0x80)


def literal(name: bytes, value: bytes) -> bytes:
    """A field that does not enter the dynamic table (6.2.2)."""
    return b"\x00" + string(name) + string(value)


class Secret(str):
    """A value of a field that is never indexed (6.2.3)."""


def never_indexed(name: bytes, value: bytes) -> bytes:
    return b"\x10" + string(name) + string(value)


def added(name: bytes, value: bytes) -> bytes:
    """A field that enters the dynamic table (6.2.1)."""
    return b"\x40" + string(name) + string(value)


def size_update(size: int) -> bytes:
    return integer(size, 5, 0x20)
