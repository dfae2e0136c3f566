"""Server half: framing of messages, their length, pushes, tunnels (8.1, 8.4, 8.5, RFC 8441)."""

import json
from typing import Callable

import frames
from cases import SERVER
from client import (AUTHORITY, ECHO, MALFORMED, REFUSED, SERVED, Client, Context, goaway, refuses,
                    status)
from frames import Error, Setting
from peer import Failed, Fields, Skipped

case = SERVER.case


@case("8.1", "the response to HEAD ends with its head")
def head_request(context: Context) -> None:
    client = context.connect()
    stream = client.new_stream()
    client.send(frames.headers(stream, client.block(client.request("HEAD")), end=True))
    if client.response(stream).body:
        raise Failed("the response to HEAD has a body")


@case("8.1", "an empty DATA with END_STREAM ends a request")
def empty_data(context: Context) -> None:
    client = context.connect()
    stream = client.post()
    client.send(frames.data(stream), frames.data(stream, b"1"), frames.data(stream),
                frames.data(stream, end=True))
    client.response(stream)


@case("8.1", "a request with trailers is served, and they reach the origin")
def trailers(context: Context) -> None:
    client = context.connect()
    stream = client.post([("te", "trailers"), ("trailer", "x-sum")])
    client.send(frames.data(stream, b"1"),
                frames.headers(stream, client.block([("x-sum", "1")]), end=True))
    body = client.response(stream).body
    if context.origin and json.loads(body)["trailers"] != [["x-sum", "1"]]:
        raise Failed(f"the origin saw {bytes(body)!r}")


@case("8.1", "a response that the origin cuts ends with RST_STREAM")
def cut_response(context: Context) -> None:
    context.need_origin()
    client = context.connect()
    for path in ("/cut", "/short"):
        message = client.message(client.get(path))
        client.until("the end", lambda: message.ended or message.reset is not None)
        if message.ended:
            raise Failed(f"{path} ended as if it were whole")
        if message.reset == Error.NO_ERROR:
            raise Failed("it ended with RST_STREAM(NO_ERROR)")
        client.expect_served()


@case("8.1", "a response's trailers come through")
def response_trailers(context: Context) -> None:
    context.need_origin()
    client = context.connect()
    message = client.response(client.get("/trailers", [("te", "trailers")]))
    if message.body != b"hello" or ("x-sum", "7") not in message.trailers:
        raise Failed(f"saw {message}")


@case("8.1", "interim responses come through, and the final one is the answer")
def interim_responses(context: Context) -> None:
    context.need_origin()
    client = context.connect()
    message = client.response(client.get("/interim"))
    if message.body != b"hello" or message.interim != [103, 103]:
        raise Failed(f"saw {message}")


@case("8.1", "HEADERS without END_STREAM after the request's head")
@refuses(MALFORMED, goaway(Error.PROTOCOL_ERROR))
def unfinished_trailers(client: Client) -> int:
    stream = client.post(path=REFUSED)
    client.send(frames.data(stream, b"1"),
                frames.headers(stream, client.block([("x-sum", "1")])))
    return stream


@case("8.1", "a head again where the trailers belong")
@refuses(MALFORMED)
def second_head(client: Client) -> int:
    stream = client.post(path=REFUSED)
    client.send(frames.headers(stream, client.block(client.request("POST", REFUSED)), end=True))
    return stream


def _lengths(said: Fields, parts: list[bytes], *allowed: list) -> Callable[[Context], None]:
    """A request with these content-length fields and this body; no parts: END_STREAM at once."""
    @refuses(*(allowed or (MALFORMED,)))
    def run(client: Client) -> int:
        stream = client.new_stream()
        block = client.block(client.request("POST", REFUSED, said))
        client.send(frames.headers(stream, block, end=not parts),
                    *(frames.data(stream, part, end=place == len(parts) - 1)
                      for place, part in enumerate(parts)))
        return stream
    return run


def _length(value: str) -> Fields:
    return [("content-length", value)]


SERVER.add("8.1.1", "content-length above the one DATA", _lengths(_length("2"), [b"1"]))
SERVER.add("8.1.1", "content-length below the one DATA", _lengths(_length("1"), [b"12"]))
SERVER.add("8.1.1", "content-length above all DATA", _lengths(_length("5"), [b"1", b"23"]))
SERVER.add("8.1.1", "content-length below all DATA", _lengths(_length("2"), [b"1", b"23"]))
SERVER.add("8.1.1", "content-length without DATA", _lengths(_length("1"), []))
SERVER.add("8.1.1", "content-length that is no number", _lengths(_length("1x"), [b"1"]))
SERVER.add("8.1.1", "content-length with a sign", _lengths(_length("+1"), [b"1"]))
SERVER.add("8.1.1", "an empty content-length", _lengths(_length(""), [b"1"]))
SERVER.add("8.1.1", "content-length beyond 64 bits",
           _lengths(_length("18446744073709551617"), [b"1"], MALFORMED, status(413)))
SERVER.add("8.1.1", "two content-length that differ",
           _lengths([*_length("1"), *_length("2")], [b"1"]))
SERVER.add("8.1.1", "a content-length that is a list of two numbers", _lengths(
    _length("1, 2"), [b"1"]))


@case("8.1.1", "DATA beyond a content-length of 0")
def data_beyond_nothing(context: Context) -> None:
    client = context.connect()
    # Together: the request is whole without the DATA, and could be answered before that came.
    stream = client.new_stream()
    client.send(frames.headers(stream, client.block(client.request("POST", ECHO, _length("0")))),
                frames.data(stream, b"1", end=True))
    client.expect(stream, MALFORMED)


@case("8.1.1", "a content-length that is right is no error, also 0")
def right_length(context: Context) -> None:
    client = context.connect()
    for value, parts in (("0", [b""]), ("3", [b"1", b"", b"23"])):
        stream = client.post(_length(value))
        client.send(*(frames.data(stream, part, end=place == len(parts) - 1)
                      for place, part in enumerate(parts)))
        client.response(stream)


@case("8.2.3", "the crumbs of a cookie reach the origin as one field")
def cookie_crumbs(context: Context) -> None:
    context.need_origin()
    client = context.connect()
    crumbs = [("cookie", "a=1"), ("x-between", "1"), ("cookie", "b=2"), ("cookie", "c=3")]
    seen = json.loads(client.response(client.get(more=crumbs)).body)
    cookies = [value for name, value in seen["fields"] if name == "cookie"]
    if cookies != ["a=1; b=2; c=3"]:
        raise Failed(f"the origin saw cookies {cookies}")


@case("8.3.1", "what reaches the origin is one clean HTTP/1.1 request")
def clean_translation(context: Context) -> None:
    context.need_origin()
    client = context.connect()
    stream = client.post([("te", "trailers"), ("x-a", "1"), ("x-a", "2")], ECHO + "?q=a%20b")
    client.send(frames.data(stream, b"123"), frames.data(stream, b"45", end=True))
    seen = json.loads(client.response(stream).body)
    names = [name for name, _ in seen["fields"]]
    fields = dict(seen["fields"])
    if (seen["method"], seen["target"], seen["length"]) != ("POST", ECHO + "?q=a%20b", 5):
        raise Failed(f"the origin saw {seen}")
    if names.count("host") != 1 or fields["host"] != AUTHORITY:
        raise Failed(f"the origin saw Host {[v for n, v in seen['fields'] if n == 'host']}")
    if any(name.startswith(":") or name == "" for name in names):
        raise Failed(f"the origin saw the fields {names}")
    if ("content-length" in names) == ("transfer-encoding" in names):
        raise Failed(f"the body is framed by {names}")


@case("8.4", "PUSH_PROMISE from a client")
@refuses(goaway(Error.PROTOCOL_ERROR))
def push_from_client(client: Client) -> None:
    stream = client.post()
    client.send(frames.push_promise(stream, 2, client.block(client.request())))


_NO_TUNNEL = status(403, 404, 405, 501, 502)


def _connect(fields: Fields, *allowed: list) -> Callable[[Context], None]:
    @refuses(*allowed)
    def run(client: Client) -> int:
        stream = client.new_stream()
        client.send(frames.headers(stream, client.block(fields)))
        return stream
    return run


SERVER.add("8.5", "CONNECT with :path and :scheme", _connect(
    [(":method", "CONNECT"), (":scheme", "https"), (":path", "/"), (":authority", AUTHORITY)],
    MALFORMED))
SERVER.add("8.5", "CONNECT without :authority", _connect([(":method", "CONNECT")], MALFORMED))
SERVER.add("8.5", "CONNECT without a port", _connect(
    [(":method", "CONNECT"), (":authority", AUTHORITY)], MALFORMED, _NO_TUNNEL))
SERVER.add("8.5", "CONNECT is refused by who is no forward proxy", _connect(
    [(":method", "CONNECT"), (":authority", AUTHORITY + ":443")], MALFORMED, _NO_TUNNEL))


def _extended(client: Client, leave_out: str = "", more: Fields = (),
              method: str = "CONNECT", protocol: str = "websocket") -> bytes:
    fields = [(":method", method), (":protocol", protocol), (":scheme", client.scheme),
              (":path", "/tunnel"), (":authority", AUTHORITY), *more,
              ("sec-websocket-version", "13")]
    return client.block([pair for pair in fields if pair[0] != leave_out])


def _wrong_extended(*allowed: list, **how) -> Callable[[Context], None]:
    def run(context: Context) -> None:
        client = context.connect()
        stream = client.new_stream()
        client.send(frames.headers(stream, _extended(client, **how)))
        client.expect(stream, *(allowed or (MALFORMED,)))
    return run


SERVER.add("rfc8441-4", ":protocol with another method than CONNECT", _wrong_extended(method="GET"))
SERVER.add("rfc8441-4", ":protocol without :path", _wrong_extended(leave_out=":path"))
SERVER.add("rfc8441-4", ":protocol without :scheme", _wrong_extended(leave_out=":scheme"))
SERVER.add("rfc8441-4", ":protocol without :authority", _wrong_extended(leave_out=":authority"))
SERVER.add("rfc8441-4", ":protocol twice", _wrong_extended(more=[(":protocol", "websocket")]))
SERVER.add("rfc8441-4", "a :protocol that nobody knows", _wrong_extended(
    MALFORMED, _NO_TUNNEL, protocol="conformance"))


@case("rfc8441-5", "WebSocket by extended CONNECT is a tunnel in both directions")
def websocket(context: Context) -> None:
    context.need_origin()
    client = context.connect()
    if client.settings.get(Setting.ENABLE_CONNECT_PROTOCOL) != 1:
        raise Skipped("the server does not announce extended CONNECT")
    stream = client.new_stream()
    client.send(frames.headers(stream, _extended(client)))
    message = client.message(stream)
    client.until("the tunnel", lambda: message.status is not None or message.reset is not None)
    if message.status != 200 or message.ended:
        raise Failed(f"expected status 200 and an open stream, saw {message}")
    for size, part in ((5, b"hello"), (11, b" world")):
        client.send(frames.data(stream, part))
        client.until("what was sent", lambda: len(message.body) >= size)
    if message.body != b"hello world":
        raise Failed(f"{bytes(message.body)!r} came back")
    client.expect_served()
    client.send(frames.data(stream, end=True))
    client.until("the end", lambda: message.ended or message.reset is not None)
    if message.reset not in (None, Error.NO_ERROR):
        raise Failed(f"the tunnel ended with RST_STREAM({message.reset})")


@case("8.1", "a client's RST_STREAM in the middle of a request hits only its stream")
def cancelled(context: Context) -> None:
    client = context.connect()
    other = client.post()
    for _ in range(20):
        stream = client.post()
        client.send(frames.data(stream, b"1"), frames.rst_stream(stream))
    client.send(frames.data(other, b"1", end=True))
    client.response(other)
    client.expect_served()


@case("8.6", "a request in one segment with its cancellation is harmless")
def cancelled_at_once(context: Context) -> None:
    client = context.connect()
    stream = client.new_stream()
    client.send(frames.headers(stream, client.block(client.request(path=SERVED)), end=True),
                frames.rst_stream(stream, Error.CANCEL))
    client.barrier()
    client.expect_served()
