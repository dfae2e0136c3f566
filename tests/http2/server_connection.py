"""Server half: how a connection starts, frames, header blocks, extensions (3.4-4.3, 5.5)."""

import socket

import frames
from cases import SERVER
from client import CLOSED, ECHO, IGNORED, Client, Context, goaway, refuses, reset
from frames import Error, Setting, Type
from peer import Failed, Message, Skipped
from hyperframe.frame import SettingsFrame

case = SERVER.case


@case("3.4", "the server's first frame is SETTINGS, and it acknowledges ours")
def first_frame(context: Context) -> None:
    client = context.connect()
    if not isinstance(client.frames[0], SettingsFrame) or "ACK" in client.frames[0].flags:
        raise Failed(f"the first frame is {client.frames[0]}")
    client.expect_served()


@case("3.4", "a request in one segment with the preface is served")
def request_at_once(context: Context) -> None:
    client = context.raw()
    client.send(frames.PREFACE, frames.settings(),
                frames.headers(1, client.block(client.request()), end=True))
    client.response(1)


@case("3.4", "a preface that comes octet by octet is a preface")
def slow_preface(context: Context) -> None:
    client = context.raw()
    for place in range(len(frames.PREFACE)):
        client.send(frames.PREFACE[place:place + 1])
    client.send(frames.settings())
    client.expect_served()


def _only_closes(client: Client) -> None:
    """Whatever it says, perhaps in HTTP/1.1, the connection ends."""
    while True:
        client.sock.settimeout(client.deadline.left())
        try:
            if not client.sock.recv(65_536):
                return
        except TimeoutError as error:
            raise Failed("expected the connection to be closed, it stays open") from error
        except OSError:
            return


def _bad_preface(octets: bytes, ends: bool = False):
    def run(context: Context) -> None:
        client = context.raw()
        client.send(octets)
        if ends:
            client.sock.shutdown(socket.SHUT_WR)
        _only_closes(client)
    return run


SERVER.add("3.4", "something else in place of the preface ends the connection",
          _bad_preface(b"INVALID CONNECTION PREFACE\r\n\r\n"))
SERVER.add("3.4", "a preface with a wrong end ends the connection",
          _bad_preface(b"PRI * HTTP/2.0\r\n\r\nXM\r\n\r\n" + frames.settings()))
SERVER.add("3.4", "half a preface and the end of the stream ends the connection",
          _bad_preface(frames.PREFACE[:10], ends=True))


def _not_settings_first(octets: bytes):
    def run(context: Context) -> None:
        client = context.raw()
        client.send(frames.PREFACE, octets)
        client.expect(0, goaway(Error.PROTOCOL_ERROR), CLOSED)
    return run


SERVER.add("3.4", "PING in place of the client's SETTINGS", _not_settings_first(frames.ping()))
SERVER.add("3.4", "an acknowledgement in place of the client's SETTINGS",
          _not_settings_first(frames.settings_ack()))


@case("4.1", "a frame of an unknown type is ignored")
def unknown_type(context: Context) -> None:
    client = context.connect()
    client.send(frames.frame(Type.UNKNOWN, 0xFF, 0, b"12345"),
                frames.frame(Type.UNKNOWN, 0xFF, 1, b""))
    client.expect(0, IGNORED)


@case("4.1", "flags without a meaning are ignored")
def unknown_flags(context: Context) -> None:
    client = context.connect()
    client.send(frames.frame(Type.PING, 0xFE, 0, b"flagged!"))
    client.until("the answer to PING", lambda: b"flagged!" in client.pongs)
    stream = client.new_stream()
    client.send(frames.headers(stream, client.block(client.request()), end=True,
                               flags=frames.END_HEADERS | 0xC2))
    client.response(stream)


@case("4.1", "the reserved bit of a stream's identifier is ignored")
def reserved_bit(context: Context) -> None:
    client = context.connect()
    client.send(frames.frame(Type.PING, 0, 1 << 31, b"reserved"))
    client.until("the answer to PING", lambda: b"reserved" in client.pongs)
    client.send(frames.headers(1 | 1 << 31, client.block(client.request()), end=True))
    client.response(1)


@case("4.2", "DATA of 2^14 octets is taken")
def largest_frame(context: Context) -> None:
    client = context.connect()
    stream = client.post()
    client.send(frames.data(stream, bytes(frames.DEFAULT_FRAME_SIZE), end=True))
    client.response(stream)


@case("4.2", "DATA above SETTINGS_MAX_FRAME_SIZE")
@refuses(goaway(Error.FRAME_SIZE_ERROR), reset(Error.FRAME_SIZE_ERROR))
def large_data(client: Client) -> int:
    stream = client.post()
    client.send(frames.data(stream, bytes(_too_large(client)), end=True))
    return stream


@case("4.2", "HEADERS above SETTINGS_MAX_FRAME_SIZE")
@refuses(goaway(Error.FRAME_SIZE_ERROR))
def large_headers(client: Client) -> None:
    block = client.block(client.request())
    block += client.block([("x-filler", "x" * (_too_large(client) - len(block)))])
    client.send(frames.headers(client.new_stream(), block, end=True))


@case("4.2", "SETTINGS above SETTINGS_MAX_FRAME_SIZE")
@refuses(goaway(Error.FRAME_SIZE_ERROR))
def large_settings(client: Client) -> None:
    client.send(frames.settings([(0xFFF0, 1)] * (_too_large(client) // 6 + 1)))


@case("4.2", "a frame above SETTINGS_MAX_FRAME_SIZE is refused before its payload comes")
@refuses(goaway(Error.FRAME_SIZE_ERROR), CLOSED)
def announced_size(client: Client) -> None:
    client.send(frames.frame(Type.UNKNOWN, 0, 0, b"", length=_too_large(client)))


def _too_large(client: Client) -> int:
    size = client.settings.get(Setting.MAX_FRAME_SIZE, frames.DEFAULT_FRAME_SIZE) + 1
    if size > frames.LARGEST_FRAME_SIZE:
        raise Skipped("no frame is too large for this server")
    return size


def _split(client: Client, stream: int, size: int) -> list[bytes]:
    """A request in HEADERS and as many CONTINUATION as it takes."""
    block = client.block(client.request())
    parts = [block[at:at + size] for at in range(0, len(block), size)]
    return ([frames.headers(stream, parts[0], end=True, flags=0)]
            + [frames.continuation(stream, part) for part in parts[1:-1]]
            + [frames.continuation(stream, parts[-1], last=True)])


@case("4.3", "a header block cut at every few octets is one")
def split_block(context: Context) -> None:
    client = context.connect()
    stream = client.new_stream()
    client.send(*_split(client, stream, 16))
    client.response(stream)


@case("4.3", "a header block that ends inside a field")
@refuses(goaway(Error.COMPRESSION_ERROR))
def truncated_block(client: Client) -> None:
    client.send(frames.headers(client.new_stream(), client.block(client.request())[:-3], end=True))


@case("4.3", "trailers that cannot be decoded")
@refuses(goaway(Error.COMPRESSION_ERROR))
def broken_trailers(client: Client) -> None:
    stream = client.post()
    client.send(frames.headers(stream, frames.indexed(0), end=True))


@case("4.3", "the block of a malformed request still changes the decoder")
def state_of_malformed(context: Context) -> None:
    client = context.connect()
    block = (client.block(client.request(path=ECHO)) + frames.added(b"x-kept", b"1")
             + client.block([("Upper", "case")]))
    bad = client.new_stream()
    client.send(frames.headers(bad, block, end=True))
    message = client.message(bad)
    client.until("its refusal", lambda: message.reset is not None or message.status is not None)
    stream = client.new_stream()
    client.send(frames.headers(stream, client.block(client.request())
                               + frames.indexed(frames.FIRST_DYNAMIC), end=True))
    client.response(stream)


@case("4.3", "the trailers of a stream that the server has reset still change the decoder")
def state_after_reset(context: Context) -> None:
    client = context.connect()
    bad = client.post([("content-length", "1")])
    client.send(frames.data(bad, b"12"))
    message: Message = client.message(bad)
    client.until("its refusal", lambda: message.reset is not None or message.status is not None)
    client.send(frames.headers(bad, frames.added(b"x-kept", b"1"), end=True))
    stream = client.new_stream()
    client.send(frames.headers(stream, client.block(client.request())
                               + frames.indexed(frames.FIRST_DYNAMIC), end=True))
    client.response(stream)


@case("5.5", "an unknown frame on an open stream is ignored")
def unknown_on_stream(context: Context) -> None:
    client = context.connect()
    stream = client.post()
    client.send(frames.frame(Type.UNKNOWN, 0, stream, b"12345"),
                frames.data(stream, b"1", end=True))
    client.response(stream)


@case("5.5", "an unknown frame inside a header block")
@refuses(goaway(Error.PROTOCOL_ERROR))
def unknown_inside_block(client: Client) -> None:
    stream = client.new_stream()
    first, *others = _split(client, stream, 32)
    client.send(first, frames.frame(Type.UNKNOWN, 0, 0, b""), *others)
