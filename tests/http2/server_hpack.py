"""Server half: header compression (RFC 7541). Sections are those of RFC 7541."""

from typing import Callable

import frames
from cases import SERVER
from client import CLOSED, MALFORMED, Client, Context, goaway, refuses, reset, status
from frames import Error
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.huffman import HuffmanEncoder

case = SERVER.case

_FIELD_OVERHEAD = 32
_TABLE = 4_096


def _broken(section: str, title: str, block: Callable[[Client], bytes]) -> None:
    @refuses(goaway(Error.COMPRESSION_ERROR))
    def run(client: Client) -> None:
        client.send(frames.headers(client.new_stream(), block(client), end=True))
    SERVER.add("hpack-" + section, title, run)


def _request(client: Client) -> bytes:
    return client.block(client.request())


def _send(client: Client, block: bytes) -> int:
    stream = client.new_stream()
    client.send(frames.headers(stream, block, end=True))
    return stream


def _huffman(text: bytes) -> bytes:
    return HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(text)


_broken("2.3.3", "an index beyond both tables",
        lambda client: _request(client) + frames.indexed(frames.FIRST_DYNAMIC))
_broken("2.3.3", "the index of a name beyond both tables",
        lambda client: _request(client) + frames.integer(frames.FIRST_DYNAMIC, 6, 0x40)
        + frames.string(b"1"))


@case("hpack-2.3.2", "a field of the dynamic table is found there by later requests")
def dynamic_table(context: Context) -> None:
    client = context.connect()
    client.response(_send(client, _request(client) + frames.added(b"x-kept", b"1")))
    for _ in range(3):
        client.response(_send(client, _request(client) + frames.indexed(frames.FIRST_DYNAMIC)))


def _added_and_then(section: str, title: str, first: Callable[[Client], bytes],
                    second: Callable[[Client], bytes]) -> None:
    """The first request is served, the second refers to what is not in the table."""
    def run(context: Context) -> None:
        client = context.connect()
        client.response(_send(client, _request(client) + first(client)))
        _send(client, second(client))
        client.expect(0, goaway(Error.COMPRESSION_ERROR))
    SERVER.add("hpack-" + section, title, run)


_USES_ADDED = frames.indexed(frames.FIRST_DYNAMIC)

_added_and_then("4.3", "a size of 0 empties the dynamic table",
                lambda client: frames.added(b"x-kept", b"1"),
                lambda client: frames.size_update(0) + _request(client) + _USES_ADDED)
_added_and_then("4.4", "an entry larger than the table empties it and is no error",
                lambda client: frames.added(b"x-kept", b"1")
                + frames.added(b"x-large", b"y" * _TABLE),
                lambda client: _request(client) + _USES_ADDED)
_added_and_then("4.1", "an entry costs 32 octets more than its text",
                # Two of 2,048 fill the table; a third drives out the first.
                lambda client: b"".join(
                    frames.added(b"x-%d" % n, b"y" * (_TABLE // 2 - _FIELD_OVERHEAD - 3))
                    for n in range(3)),
                lambda client: _request(client) + frames.indexed(frames.FIRST_DYNAMIC + 2))
_added_and_then("6.2.2", "a literal without indexing does not enter the table",
                lambda client: frames.literal(b"x-plain", b"1"),
                lambda client: _request(client) + _USES_ADDED)
_added_and_then("6.2.3", "a never-indexed literal does not enter the table",
                lambda client: frames.never_indexed(b"x-secret", b"1"),
                lambda client: _request(client) + _USES_ADDED)


@case("hpack-4.1", "two entries that just fill the table are both kept")
def full_table(context: Context) -> None:
    client = context.connect()
    client.response(_send(client, _request(client) + b"".join(
        frames.added(b"x-%d" % n, b"y" * (_TABLE // 2 - _FIELD_OVERHEAD - 3)) for n in range(2))))
    client.response(_send(client, _request(client) + frames.indexed(frames.FIRST_DYNAMIC)
                          + frames.indexed(frames.FIRST_DYNAMIC + 1)))


@case("hpack-4.2", "size updates at the start of a block are no error, not even two")
def size_updates(context: Context) -> None:
    client = context.connect()
    client.response(_send(client, frames.size_update(0) + frames.size_update(_TABLE)
                          + _request(client) + frames.added(b"x-kept", b"1")))
    client.response(_send(client, frames.size_update(100) + _request(client) + _USES_ADDED))


_broken("4.2", "a size update after a field",
        lambda client: frames.indexed(frames.STATIC_GET) + frames.size_update(100)
        + _request(client))
_broken("4.2", "a size update at the end of a block",
        lambda client: _request(client) + frames.size_update(100))
_broken("5.1", "an integer of more octets than any has",
        lambda client: _request(client) + b"\xff" + b"\xff" * 40 + b"\x01")
_broken("5.1", "an integer beyond 32 bits",
        lambda client: _request(client) + b"\xff\xff\xff\xff\xff\xff\x01")
_broken("5.1", "an integer that the block ends within",
        lambda client: _request(client) + b"\xff\x80")
_broken("5.2", "a string longer than its block",
        lambda client: _request(client) + b"\x00" + frames.integer(100, 7) + b"x-short")


def _bad_huffman(title: str, octets: bytes) -> None:
    _broken("5.2", title, lambda client: _request(client) + b"\x00" + frames.string(b"x-a")
            + frames.huffman(octets))


# "a" is 00011, "0" is 00000.
_bad_huffman("Huffman code padded with 8 bits and more", b"\x1f\xff")
_bad_huffman("Huffman code padded with zeros", b"\x18")
_bad_huffman("Huffman code with EOS inside", b"\x1f\xff\xff\xff\xff")
_bad_huffman("Huffman code that ends within a symbol", _huffman(b"\x00\x01")[:-1])


@case("hpack-5.2", "every octet that a value may have can come in Huffman code")
def huffman_octets(context: Context) -> None:
    client = context.connect()
    text = bytes([*range(0x21, 0x7F), *range(0x80, 0x100)])
    client.response(_send(client, _request(client) + b"\x00" + frames.huffman(_huffman(b"x-all"))
                          + frames.huffman(_huffman(text))))


_broken("6.1", "index 0", lambda client: _request(client) + frames.indexed(0))
_broken("6.3", "a size update above SETTINGS_HEADER_TABLE_SIZE",
        lambda client: frames.size_update(1 << 20) + _request(client))


@case("hpack-6.2.3", "a never-indexed field is a field like others")
def never_indexed(context: Context) -> None:
    client = context.connect()
    client.response(_send(client, _request(client) + frames.never_indexed(b"x-secret", b"1")))


@case("hpack-7.3", "a large field that is named 10,000 times is refused, not served")
@refuses(MALFORMED, status(431, 413), goaway(Error.ENHANCE_YOUR_CALM, Error.PROTOCOL_ERROR,
                                             Error.COMPRESSION_ERROR, Error.INTERNAL_ERROR),
         reset(Error.ENHANCE_YOUR_CALM, Error.INTERNAL_ERROR, Error.REFUSED_STREAM), CLOSED)
def bomb(client: Client) -> int:
    return _send(client, _request(client) + frames.added(b"x-bomb", b"y" * 4_000)
                 + _USES_ADDED * 10_000)
