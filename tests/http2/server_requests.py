"""Server half: which fields make a request malformed (8.2, 8.3)."""

from typing import Optional

import frames
from cases import SERVER
from client import (AUTHORITY, ECHO, MALFORMED, REFUSED, Client, Context, goaway, refuses, reset,
                    status)
from frames import Error
from peer import Fields, Text

case = SERVER.case

_PSEUDO = (":method", ":scheme", ":path", ":authority")


def _with(*more: tuple[Text, Text], first: Fields = (), leave_out: str = "",
          method: str = "GET", path: Text = ECHO, scheme: Text = "http",
          authority: Text = AUTHORITY) -> Fields:
    """The fields of a request that is right but for what the caller changes."""
    values = zip(_PSEUDO, (method, scheme, path, authority))
    return [*first, *(pair for pair in values if pair[0] != leave_out), *more]


def _sends(fields: Fields, client: Client, trailers: Optional[Fields] = None) -> int:
    # Over TLS, what is said to be http would be wrong as well.
    fields = [(name, client.scheme if (name, value) == (":scheme", "http") else value)
              for name, value in fields]
    stream = client.new_stream()
    client.send(*client.block_frames(stream, client.block(fields), end=trailers is None))
    if trailers is not None:
        client.send(frames.data(stream, b"1"),
                    frames.headers(stream, client.block(trailers), end=True))
    return stream


def _malformed(section: str, title: str, fields: Fields, *also: list,
               trailers: Optional[Fields] = None) -> None:
    @refuses(MALFORMED, *also)
    def run(client: Client) -> int:
        refused = [(name, REFUSED if (name, value) == (":path", ECHO) else value)
                   for name, value in fields]
        return _sends(refused, client, trailers=trailers)
    SERVER.add(section, title, run)


def _fine(section: str, title: str, fields: Fields) -> None:
    def run(context: Context) -> None:
        client = context.connect()
        client.response(_sends(fields, client))
    SERVER.add(section, title, run)


_POST = _with(method="POST")

_malformed("8.2", "a name in upper case", _with(("X-Upper", "1")))
_malformed("8.2", "a name in upper case in trailers", _POST, trailers=[("X-Upper", "1")])
_malformed("8.2.1", "an empty name", _with(("", "1")))
_malformed("8.2.1", "a name with a space", _with(("x a", "1")))
_malformed("8.2.1", "a name that ends with a space", _with(("content-length ", "1")))
_malformed("8.2.1", "a name with a colon inside", _with(("x:a", "1")))
_malformed("8.2.1", "a name with CR LF", _with(("x\r\ny", "1")))
_malformed("8.2.1", "a name with NUL", _with(("x\0y", "1")))
_malformed("8.2.1", "a name with DEL", _with(("x\x7f", "1")))
_malformed("8.2.1", "a name with an octet above 0x7f", _with((b"x\xc3\xa4", "1")))
_malformed("8.2.1", "a value with NUL", _with(("x-a", "1\x002")))
_malformed("8.2.1", "a value with CR", _with(("x-a", "1\r2")))
_malformed("8.2.1", "a value with LF", _with(("x-a", "1\n2")))
_malformed("8.2.1", "a value with a whole field after CR LF", _with(("x-a", "1\r\nx-b: 2")))
_malformed("8.2.1", "a value that begins with a space", _with(("x-a", " 1")))
_malformed("8.2.1", "a value that ends with a space", _with(("x-a", "1 ")))
_malformed("8.2.1", "a value that begins with a tab", _with(("x-a", "\t1")))
_malformed("8.2.1", "a value with CR LF in trailers", _POST, trailers=[("x-a", "1\r\nx-b: 2")])
_fine("8.2.1", "empty values, and values with tabs, spaces and octets above 0x7f inside",
      _with(("x-a", ""), ("x-b", "1 \t2"), (b"x-c", b"\xc3\xa4\xff"), ("!#$%&'*+-.^_`|~0a", "1")))

_malformed("8.2.2", "connection", _with(("connection", "keep-alive")))
_malformed("8.2.2", "proxy-connection", _with(("proxy-connection", "keep-alive")))
_malformed("8.2.2", "keep-alive", _with(("keep-alive", "timeout=5")))
_malformed("8.2.2", "upgrade", _with(("upgrade", "websocket")))
_malformed("8.2.2", "transfer-encoding: chunked", _with(("transfer-encoding", "chunked"),
                                                        method="POST"))
_malformed("8.2.2", "te with something else than trailers", _with(("te", "gzip")))
_malformed("8.2.2", "te with something besides trailers", _with(("te", "trailers, deflate;q=0.5")))
_fine("8.2.2", "te: trailers", _with(("te", "trailers")))

_malformed("8.3", "a pseudo-field that nobody knows", _with(first=[(":extra", "1")]))
_malformed("8.3", "a response's pseudo-field", _with(first=[(":status", "200")]))
_malformed("8.3", "a pseudo-field after a field",
           [*_with(leave_out=":path"), ("x-a", "1"), (":path", ECHO)])
_malformed("8.3", "a pseudo-field in trailers", _POST, trailers=[(":path", ECHO)])
for name, value in zip(_PSEUDO, ("GET", "http", ECHO, AUTHORITY)):
    _malformed("8.3.1", f"{name} twice", _with(first=[(name, value)]))
for name in _PSEUDO[:3]:
    _malformed("8.3.1", f"no {name}", _with(leave_out=name))
_malformed("8.3.1", "neither :authority nor host", _with(leave_out=":authority"))
_malformed("8.3.1", "an empty :method", _with(method=""))
_malformed("8.3.1", "a :method with a space", _with(method="GET /admin HTTP/1.1\r\nx:"))
_malformed("8.3.1", "an empty :path", _with(path=""))
_malformed("8.3.1", "a :path that does not begin with a slash", _with(path="echo"))
_malformed("8.3.1", "a :path with a space", _with(path="/echo HTTP/1.1"))
_malformed("8.3.1", "a :path with CR LF", _with(path="/echo\r\nx-a: 1"))
_malformed("8.3.1", "a :path with NUL", _with(path="/ec\0ho"))
_malformed("8.3.1", "a :path with an octet above 0x7f", _with(path=b"/\xc3\xa4"))
_malformed("8.3.1", "a :path with a fragment", _with(path="/echo#part"))
_malformed("8.3.1", "a :path that is a whole URI", _with(path=f"http://{AUTHORITY}/echo"))
_malformed("8.3.1", "a :path of * with another method than OPTIONS", _with(path="*"))
_malformed("8.3.1", "a :scheme that is no scheme", _with(scheme="ht tp"))
_malformed("8.3.1", "a :scheme that is a whole URI", _with(scheme="http://other/?"))
_malformed("8.3.1", "an empty :authority", _with(authority=""))
_malformed("8.3.1", "an :authority with user information", _with(authority="me@" + AUTHORITY))
_malformed("8.3.1", "an :authority with a path", _with(authority=AUTHORITY + "/x"))
_malformed("8.3.1", "an :authority with a space", _with(authority="a b"))
_malformed("8.3.1", "host that differs from :authority", _with(("host", "other.test")))
_malformed("8.3.1", "host twice", _with(("host", AUTHORITY), ("host", AUTHORITY)))
_malformed("8.3.1", "host twice without :authority",
           _with(("host", AUTHORITY), ("host", "other.test"), leave_out=":authority"))
_malformed("8.3.1", "an empty host without :authority",
           _with(("host", ""), leave_out=":authority"))
_fine("8.3.1", "host that says what :authority says", _with(("host", AUTHORITY)))
_fine("8.3.1", "host that says what :authority says in other letters",
      _with(("host", AUTHORITY.upper())))
_fine("8.3.1", "host in place of :authority",
      _with(("host", AUTHORITY), leave_out=":authority"))
_fine("8.3.1", "the pseudo-fields in another order",
      [(name, dict(_with())[name]) for name in reversed(_PSEUDO)])


@case("8.3.1", "host that names the default port, which :authority does not")
def default_port(context: Context) -> None:
    client = context.connect()
    port = 443 if context.tls else 80
    client.response(client.get(more=[("host", f"{AUTHORITY}:{port}")]))


@case("8.3.1", "OPTIONS * is answered, whatever the answer is")
def options_star(context: Context) -> None:
    client = context.connect()
    stream = _sends(_with(method="OPTIONS", path="*"), client)
    client.expect(stream, status(200, 204, 400, 403, 404, 405, 501))


@case("10.5.1", "5,000 fields are refused, not served")
@refuses(MALFORMED, status(431), goaway(Error.ENHANCE_YOUR_CALM, Error.PROTOCOL_ERROR),
         reset(Error.ENHANCE_YOUR_CALM, Error.REFUSED_STREAM))
def many_fields(client: Client) -> int:
    return _sends(_with(*((f"x-{number}", "1") for number in range(5_000))), client)


@case("10.5.1", "a field of 200,000 octets is refused, not served")
@refuses(MALFORMED, status(431), goaway(Error.ENHANCE_YOUR_CALM, Error.PROTOCOL_ERROR,
                                        Error.COMPRESSION_ERROR),
         reset(Error.ENHANCE_YOUR_CALM, Error.REFUSED_STREAM))
def large_field(client: Client) -> int:
    return _sends(_with(("x-large", "y" * 200_000)), client)
