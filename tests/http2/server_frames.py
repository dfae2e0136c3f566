"""Server half: every frame's own rules (6.1-6.8, 6.10)."""

import struct
from typing import Callable

from hyperframe.frame import DataFrame

import frames
from cases import SERVER
from client import CLOSED, IGNORED, Client, Context, goaway, refuses, reset
from frames import Error, Setting, Type
from peer import Failed

case = SERVER.case


def _wrong(octets: bytes, *codes: int) -> Callable[[Context], None]:
    """Octets that end the connection with one of the codes."""
    @refuses(goaway(*codes))
    def run(client: Client) -> None:
        client.send(octets)
    return run


SERVER.add("6.1", "DATA on stream 0", _wrong(frames.data(0, b"1"), Error.PROTOCOL_ERROR))


@case("6.1", "DATA with as much padding as payload")
@refuses(goaway(Error.PROTOCOL_ERROR))
def data_all_padding(client: Client) -> None:
    client.send(frames.data(client.post(), b"\x05" + bytes(4), end=True, flags=frames.PADDED))


@case("6.1", "DATA with the flag PADDED and no octet")
@refuses(goaway(Error.FRAME_SIZE_ERROR, Error.PROTOCOL_ERROR), reset(Error.FRAME_SIZE_ERROR))
def data_without_pad_length(client: Client) -> int:
    stream = client.post()
    client.send(frames.data(stream, b"", end=True, flags=frames.PADDED))
    return stream


@case("6.1", "padding is no part of the body")
def padded_data(context: Context) -> None:
    client = context.connect()
    stream = client.post([("content-length", "6")])
    client.send(frames.data(stream, frames.padded(b"123", 255), flags=frames.PADDED),
                frames.data(stream, frames.padded(b"456", 0), flags=frames.PADDED),
                frames.data(stream, frames.padded(b"", 100), end=True, flags=frames.PADDED))
    client.response(stream)


@case("6.1", "padding is given back to the windows")
def padding_in_window(context: Context) -> None:
    client = context.connect()
    stream = client.post()
    window = client.settings.get(Setting.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)
    sent = 0
    while sent < 4 * min(window, 4 * frames.DEFAULT_WINDOW):
        client.until("window for the stream and for the connection",
                     lambda: min(window + client.window_updates(stream), frames.DEFAULT_WINDOW
                                 + client.window_updates(0)) - sent >= 256)
        client.send(frames.data(stream, frames.padded(b"x", 254), flags=frames.PADDED))
        sent += 256
    client.send(frames.data(stream, b"", end=True))
    client.response(stream)


SERVER.add("6.2", "HEADERS on stream 0", _wrong(
    frames.headers(0, frames.indexed(frames.STATIC_GET), end=True), Error.PROTOCOL_ERROR))
SERVER.add("6.2", "HEADERS with more padding than payload", _wrong(
    frames.headers(1, b"\x05" + frames.indexed(frames.STATIC_GET), end=True,
                   flags=frames.END_HEADERS | frames.PADDED), Error.PROTOCOL_ERROR))
SERVER.add("6.2", "HEADERS too short for the priority fields they announce", _wrong(
    frames.headers(1, b"\x00\x00\x00", end=True, flags=frames.END_HEADERS | frames.PRIORITY_FLAG),
    Error.FRAME_SIZE_ERROR, Error.PROTOCOL_ERROR))


@case("6.2", "HEADERS with padding are a request like others")
def padded_headers(context: Context) -> None:
    client = context.connect()
    stream = client.new_stream()
    client.send(frames.headers(stream, frames.padded(
        frames.priority_fields() + client.block(client.request()), 200), end=True,
        flags=frames.END_HEADERS | frames.PADDED | frames.PRIORITY_FLAG))
    client.response(stream)


def _inside_block(octets: Callable[[Client], bytes]) -> Callable[[Context], None]:
    """Something else where CONTINUATION has to come."""
    @refuses(goaway(Error.PROTOCOL_ERROR))
    def run(client: Client) -> None:
        open_stream, stream = client.post(), client.new_stream()
        assert (open_stream, stream) == (1, 3)
        block = client.block(client.request())
        client.send(frames.headers(stream, block[:20], end=True, flags=0), octets(client),
                    frames.continuation(stream, block[20:], last=True))
    return run


SERVER.add("6.2", "HEADERS of another stream inside a header block", _inside_block(
    lambda client: frames.headers(5, client.block(client.request()), end=True)))
SERVER.add("6.2", "DATA of another stream inside a header block",
          _inside_block(lambda client: frames.data(1, b"1")))
SERVER.add("6.2", "PING inside a header block", _inside_block(lambda client: frames.ping()))
SERVER.add("6.2", "PRIORITY of the same stream inside a header block",
          _inside_block(lambda client: frames.priority(3)))

SERVER.add("6.3", "PRIORITY on stream 0", _wrong(frames.priority(0), Error.PROTOCOL_ERROR))


@case("6.3", "PRIORITY of 4 octets")
@refuses(reset(Error.FRAME_SIZE_ERROR), goaway(Error.FRAME_SIZE_ERROR))
def short_priority(client: Client) -> int:
    stream = client.post()
    client.send(frames.frame(Type.PRIORITY, 0, stream, frames.u32(0)))
    return stream


SERVER.add("6.4", "RST_STREAM on stream 0", _wrong(frames.rst_stream(0), Error.PROTOCOL_ERROR))


def _on_open_stream(kind: int, payload: bytes, *codes: int) -> Callable[[Context], None]:
    @refuses(goaway(*codes))
    def run(client: Client) -> None:
        client.send(frames.frame(kind, 0, client.post(), payload))
    return run


SERVER.add("6.4", "RST_STREAM of 3 octets", _on_open_stream(
    Type.RST_STREAM, b"\x00\x00\x08", Error.FRAME_SIZE_ERROR))
SERVER.add("6.4", "RST_STREAM of 5 octets", _on_open_stream(
    Type.RST_STREAM, bytes(5), Error.FRAME_SIZE_ERROR))

SERVER.add("6.5", "an acknowledgement of SETTINGS with a payload", _wrong(
    frames.frame(Type.SETTINGS, frames.ACK, 0, bytes(6)), Error.FRAME_SIZE_ERROR))
SERVER.add("6.5", "SETTINGS on a stream", _on_open_stream(
    Type.SETTINGS, b"", Error.PROTOCOL_ERROR))
SERVER.add("6.5", "SETTINGS of 5 octets", _wrong(
    frames.frame(Type.SETTINGS, 0, 0, bytes(5)), Error.FRAME_SIZE_ERROR))


def _wrong_setting(key: int, value: int, code: int) -> Callable[[Context], None]:
    return _wrong(frames.settings({key: value}), code)


SERVER.add("6.5.2", "SETTINGS_ENABLE_PUSH of 2", _wrong_setting(
    Setting.ENABLE_PUSH, 2, Error.PROTOCOL_ERROR))
SERVER.add("6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE of 2^31", _wrong_setting(
    Setting.INITIAL_WINDOW_SIZE, 2**31, Error.FLOW_CONTROL_ERROR))
SERVER.add("6.5.2", "SETTINGS_MAX_FRAME_SIZE of 2^14 - 1", _wrong_setting(
    Setting.MAX_FRAME_SIZE, 2**14 - 1, Error.PROTOCOL_ERROR))
SERVER.add("6.5.2", "SETTINGS_MAX_FRAME_SIZE of 2^24", _wrong_setting(
    Setting.MAX_FRAME_SIZE, 2**24, Error.PROTOCOL_ERROR))


@case("6.5.2", "settings without a meaning are ignored, extreme values are taken")
def odd_settings(context: Context) -> None:
    client = context.connect([(0xFF00, 1), (0x0, 0), (0x7, 5), (Setting.MAX_FRAME_SIZE, 2**24 - 1),
                              (Setting.INITIAL_WINDOW_SIZE, frames.LARGEST_WINDOW),
                              (Setting.MAX_CONCURRENT_STREAMS, 0),
                              (Setting.MAX_HEADER_LIST_SIZE, 2**32 - 1)])
    client.expect_served()


@case("6.5.2", "SETTINGS_HEADER_TABLE_SIZE of 0 is obeyed in responses")
def no_header_table(context: Context) -> None:
    client = context.connect({Setting.HEADER_TABLE_SIZE: 0})
    client.decoder.max_allowed_table_size = 0
    for _ in range(3):
        client.response(client.get())


@case("6.5.3", "of a setting that comes twice the last value holds, and each frame is acknowledged")
def repeated_setting(context: Context) -> None:
    client = context.connect()
    client.send(frames.settings([(Setting.INITIAL_WINDOW_SIZE, 100),
                                 (Setting.INITIAL_WINDOW_SIZE, 1)]), frames.settings())
    client.opens_window = False
    client.until("two acknowledgements", lambda: client.settings_acks == 3)
    stream = client.get()
    client.until("DATA", lambda: any(isinstance(f, DataFrame) for f in client.frames))
    client.barrier()
    if len(client.message(stream).body) != 1:
        raise Failed(f"expected 1 octet of the body, saw {len(client.message(stream).body)}")


@case("6.7", "PING is answered with its own octets")
def ping_is_answered(context: Context) -> None:
    client = context.connect()
    for number in range(10):
        client.barrier(struct.pack(">Q", number))


@case("6.7", "an answer to no PING is not answered")
def pong_is_ignored(context: Context) -> None:
    client = context.connect()
    client.send(frames.ping(b"unasked!", ack=True))
    client.expect(0, IGNORED)
    if b"unasked!" in client.pongs:
        raise Failed("PING with ACK was answered")


SERVER.add("6.7", "PING on a stream", _on_open_stream(Type.PING, bytes(8), Error.PROTOCOL_ERROR))
SERVER.add("6.7", "PING of 7 octets", _wrong(
    frames.ping(bytes(7)), Error.FRAME_SIZE_ERROR))
SERVER.add("6.7", "PING of 9 octets", _wrong(
    frames.ping(bytes(9)), Error.FRAME_SIZE_ERROR))

SERVER.add("6.8", "GOAWAY on a stream", _on_open_stream(
    Type.GOAWAY, bytes(8), Error.PROTOCOL_ERROR))
SERVER.add("6.8", "GOAWAY of 7 octets", _wrong(
    frames.frame(Type.GOAWAY, 0, 0, bytes(7)), Error.FRAME_SIZE_ERROR))


@case("6.8", "after the client's GOAWAY its requests are still answered")
def answered_after_goaway(context: Context) -> None:
    client = context.connect()
    stream = client.post()
    client.send(frames.goaway(0, text=b"leaving"), frames.data(stream, b"1", end=True))
    client.until("the response", lambda: client.message(stream).ended)
    if client.message(stream).status != 200:
        raise Failed(f"expected status 200, saw {client.message(stream)}")


def _stray_continuation(before: Callable[[Client], bytes],
                        stream: int = 1) -> Callable[[Context], None]:
    """CONTINUATION that continues nothing."""
    @refuses(goaway(Error.PROTOCOL_ERROR))
    def run(client: Client) -> None:
        client.send(before(client),
                    frames.continuation(stream, client.block([("x-more", "1")]), last=True))
    return run


SERVER.add("6.10", "CONTINUATION on stream 0", _stray_continuation(lambda client: b"", 0))
SERVER.add("6.10", "CONTINUATION after HEADERS with END_HEADERS", _stray_continuation(
    lambda client: frames.headers(1, client.block(client.request("POST")))))
SERVER.add("6.10", "CONTINUATION after CONTINUATION with END_HEADERS", _stray_continuation(
    lambda client: frames.headers(1, client.block(client.request("POST")), flags=0)
    + frames.continuation(1, b"", last=True)))
SERVER.add("6.10", "CONTINUATION after DATA", _stray_continuation(
    lambda client: frames.headers(1, client.block(client.request("POST")))
    + frames.data(1, b"1")))
SERVER.add("6.10", "CONTINUATION of another stream than its HEADERS", _stray_continuation(
    lambda client: frames.headers(1, client.block(client.request("POST")), flags=0), 3))


@case("6.10", "an empty HEADERS and empty CONTINUATION are parts of a header block")
def empty_continuation(context: Context) -> None:
    client = context.connect()
    stream = client.new_stream()
    client.send(frames.headers(stream, b"", end=True, flags=0), frames.continuation(stream, b""),
                frames.continuation(stream, client.block(client.request())),
                frames.continuation(stream, b"", last=True))
    client.response(stream)


# 4 MiB, in frames of 16 KiB: no server has to keep that.
_ENDLESS_FRAMES = 256


@case("10.5.1", "a header block without an end ends the connection")
@refuses(goaway(Error.ENHANCE_YOUR_CALM, Error.PROTOCOL_ERROR, Error.INTERNAL_ERROR,
                Error.COMPRESSION_ERROR), CLOSED)
def endless_block(client: Client) -> None:
    stream = client.new_stream()
    client.send(frames.headers(stream, client.block(client.request()), end=True, flags=0))
    part = client.block([("x-part", "y" * 1_000)] * 16)
    for _ in range(_ENDLESS_FRAMES):
        client.send(frames.continuation(stream, part))
