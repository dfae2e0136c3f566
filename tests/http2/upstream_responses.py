"""Client half: responses that are right, and responses that are malformed (8.1-8.6)."""

from typing import Callable

import frames
from cases import CLIENT
from exchange import BOTH, H1, H2, ClientContext
from frames import Error, Secret
from peer import Failed, Fields
from upstream import BODY, OK, Answer as Script, UpstreamConnection
from upstream_requests import expect

case = CLIENT.case


def refused(context: ClientContext, script: Script, statuses: tuple[int, ...] = (502,),
            **how) -> None:
    """However often the gateway asks, it gets that; neither kind of client sees any of it, and
    what they ask next is served."""
    context.upstream.on_request = script
    for via in BOTH:
        answer = context.ask(via, **how)
        if not context.failed(answer, statuses):
            raise Failed(f"{via}: expected status {' or '.join(map(str, statuses))}, saw {answer}")
        context.expect_next(via)


def cut(context: ClientContext, script: Script, body: bytes = BODY, **how) -> None:
    """The response begins well: what came of it may be passed on, but never as the whole."""
    context.upstream.on_request = script
    for via in BOTH:
        answer = context.ask(via, **how)
        if answer.complete and answer.status != 502:
            raise Failed(f"{via}: expected a response that is cut or status 502, saw {answer}, "
                         "whole")
        if answer.status == 200 and not body.startswith(answer.body):
            raise Failed(f"{via}: the body is {answer.body!r}")
        context.expect_next(via)


def _head(fields: Fields, end: bool = True) -> Script:
    return lambda connection, stream: connection.head(stream, fields, end)


def _malformed(section: str, title: str, fields: Fields) -> None:
    """A response of these fields, with and without a body."""
    def run(context: ClientContext) -> None:
        refused(context, _head(fields))

        def with_body(connection: UpstreamConnection, stream: int) -> None:
            connection.send(frames.headers(stream, connection.block(fields)),
                            frames.data(stream, BODY, end=True))

        refused(context, with_body)
    CLIENT.add(section, title, run)


_malformed("8.2", "a name in upper case", [*OK, ("X-Upper", "1")])
_malformed("8.2.1", "a name with a space", [*OK, ("x a", "1")])
_malformed("8.2.1", "an empty name", [*OK, ("", "1")])
_malformed("8.2.1", "a value with CR LF", [*OK, ("x-a", "1\r\nset-cookie: x=1")])
_malformed("8.2.1", "a value with NUL", [*OK, ("x-a", "1\x002")])
_malformed("8.2.2", "connection", [*OK, ("connection", "close")])
_malformed("8.2.2", "transfer-encoding", [*OK, ("transfer-encoding", "chunked")])
_malformed("8.3", "a request's pseudo-field", [*OK, (":path", "/")])
_malformed("8.3", "a pseudo-field that nobody knows", [(":extra", "1"), *OK])
_malformed("8.3", "a pseudo-field after a field", [("x-a", "1"), (":status", "200")])
_malformed("8.3.2", "no :status", [("x-a", "1")])
_malformed("8.3.2", ":status twice", [(":status", "200"), (":status", "404")])
_malformed("8.3.2", ":status that is no number", [(":status", "ok")])
_malformed("8.3.2", ":status of four digits", [(":status", "2000")])
_malformed("8.3.2", ":status below 100", [(":status", "099")])
_malformed("8.3.2", "an empty :status", [(":status", "")])
_malformed("8.6", ":status 101", [(":status", "101")])


@case("8.1", "responses come through whole: with and without length, empty, large, padded")
def good_responses(context: ClientContext) -> None:
    large = bytes(range(256)) * 4_000

    def by_length(connection: UpstreamConnection, stream: int) -> None:
        connection.answer(stream, more=[("content-length", str(len(BODY)))])

    def empty(connection: UpstreamConnection, stream: int) -> None:
        connection.head(stream, [*OK, ("content-length", "0")], end=True)

    def of_padding(connection: UpstreamConnection, stream: int) -> None:
        connection.send(frames.headers(stream, connection.block(OK)))
        for part in (b"", BODY, b""):
            connection.send(frames.data(stream, frames.padded(part, 255), flags=frames.PADDED))
        connection.send(frames.data(stream, end=True))

    def of_many_windows(connection: UpstreamConnection, stream: int) -> None:
        connection.head(stream)
        connection.upload(stream, large)

    for via in BOTH:
        for script, body in ((by_length, BODY), (empty, b""), (of_padding, BODY),
                             (of_many_windows, large)):
            context.upstream.on_request = script
            expect(context.ask(via), body=body)


@case("hpack-6.2.3", "fields of a response that are never indexed stay such")
def never_indexed(context: ClientContext) -> None:
    context.upstream.on_request = lambda connection, stream: connection.answer(
        stream, more=[("x-key", Secret("1")), ("x-open", "1")])
    for _ in range(2):
        answer = context.ask(H2)
        expect(answer)
        if answer.never_indexed != {"x-key"}:
            raise Failed(f"never indexed: {answer.never_indexed}")


@case("4.3", "a response's head in several CONTINUATION is one")
def split_head(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        block = connection.block(OK)
        connection.send(frames.headers(stream, block[:1], flags=0),
                        *(frames.continuation(stream, block[at:at + 1]) for at in range(1, 6)),
                        frames.continuation(stream, block[6:], last=True),
                        frames.data(stream, BODY, end=True))

    context.upstream.on_request = script
    for via in BOTH:
        expect(context.ask(via))


@case("5.5", "unknown frames and settings between the frames of a response are ignored")
def unknown_frames(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        unknown = frames.frame(frames.Type.UNKNOWN, 0xFF, stream, b"1234")
        connection.send(unknown, frames.headers(stream, connection.block(OK)), unknown,
                        frames.settings({0xFF00: 7}), frames.data(stream, BODY), unknown,
                        frames.frame(frames.Type.UNKNOWN, 0, 0), frames.priority(stream),
                        frames.data(stream, end=True))

    context.upstream.on_request = script
    expect(context.ask())


@case("8.1", "a response's trailers come through")
def trailers(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        connection.send(frames.headers(stream, connection.block([*OK, ("trailer", "x-sum")])),
                        frames.data(stream, BODY),
                        frames.headers(stream, connection.block([("x-sum", "7")]), end=True))

    context.upstream.on_request = script
    for via in BOTH:
        answer = context.ask(via, more=[("te", "trailers")] + (
            [("connection", "te")] if via == H1 else []))
        expect(answer)
        if answer.trailers != [("x-sum", "7")]:
            raise Failed(f"{via}: the trailers are {answer.trailers}")


@case("8.1", "interim responses come through, and the final one is the answer")
def interim(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        connection.head(stream, [(":status", "103"), ("link", "</style.css>; rel=preconnect")])
        connection.head(stream, [(":status", "103"), ("link", "</script.js>; rel=preconnect")])
        connection.answer(stream)

    context.upstream.on_request = script
    for via in BOTH:
        answer = context.ask(via)
        expect(answer)
        if answer.interim != [103, 103]:
            raise Failed(f"{via}: the interim responses are {answer.interim}")


@case("8.1", "an interim response that ends the stream")
def final_interim(context: ClientContext) -> None:
    refused(context, _head([(":status", "103")]))


@case("8.1", "DATA after an interim response")
def data_after_interim(context: ClientContext) -> None:
    refused(context, lambda connection, stream: connection.send(
        frames.headers(stream, connection.block([(":status", "103")])),
        frames.data(stream, BODY, end=True)))


@case("8.1", "DATA before HEADERS")
def data_first(context: ClientContext) -> None:
    refused(context, lambda connection, stream: connection.send(
        frames.data(stream, BODY), frames.headers(stream, connection.block(OK), end=True)))


def _trailers(fields: Fields, end: bool = True) -> Callable[[ClientContext], None]:
    def run(context: ClientContext) -> None:
        cut(context, lambda connection, stream: connection.send(
            frames.headers(stream, connection.block(OK)), frames.data(stream, BODY),
            frames.headers(stream, connection.block(fields), end=end)))
    return run


CLIENT.add("8.1", "trailers without END_STREAM", _trailers([("x-sum", "7")], end=False))
CLIENT.add("8.1", "a second head in place of trailers", _trailers(OK))
CLIENT.add("8.3", "a pseudo-field in trailers", _trailers([(":path", "/")]))
CLIENT.add("8.2", "a name in upper case in trailers", _trailers([("X-Sum", "7")]))


@case("8.1.1", "a body that is shorter than its content-length")
def short_body(context: ClientContext) -> None:
    cut(context, lambda connection, stream: connection.answer(
        stream, more=[("content-length", "100")]))


@case("8.1.1", "a body that is longer than its content-length")
def long_body(context: ClientContext) -> None:
    cut(context, lambda connection, stream: connection.answer(
        stream, more=[("content-length", "5")]), body=BODY[:5])


@case("8.1.1", "a content-length without a body")
def missing_body(context: ClientContext) -> None:
    cut(context, _head([*OK, ("content-length", "5")]))


_malformed("8.1.1", "two content-length that differ",
           [*OK, ("content-length", "5"), ("content-length", str(len(BODY)))])
_malformed("8.1.1", "a content-length that is no number", [*OK, ("content-length", "5x")])


def _bodiless(context: ClientContext, script: Script, status: int, **how) -> None:
    context.upstream.on_request = script
    for via in BOTH:
        expect(context.ask(via, **how), status, b"")
        context.expect_next(via)


@case("8.1.1", "responses without a body, whatever their content-length says")
def no_body(context: ClientContext) -> None:
    _bodiless(context, _head([*OK, ("content-length", "500")]), 200, method="HEAD")
    _bodiless(context, _head([(":status", "304"), ("content-length", "500")]), 304)
    _bodiless(context, _head([(":status", "204")]), 204)


@case("8.1.1", "DATA in a response that cannot have any")
def unexpected_body(context: ClientContext) -> None:
    def with_body(fields: Fields) -> Script:
        return lambda connection, stream: connection.send(
            frames.headers(stream, connection.block(fields)), frames.data(stream, BODY, end=True))

    for method, fields in (("GET", [(":status", "204")]), ("GET", [(":status", "304")]),
                           ("HEAD", OK)):
        context.upstream.on_request = with_body(fields)
        for via in BOTH:
            answer = context.ask(via, method=method)
            as_said = answer.status == int(dict(fields)[":status"]) and not answer.body
            if not as_said and not context.failed(answer):
                raise Failed(f"{via}: saw {answer}")
            context.expect_next(via)


@case("8.1", "an early final response, then RST_STREAM(NO_ERROR), is a whole response")
def early_response(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        connection.answer(stream)
        connection.send(frames.rst_stream(stream, Error.NO_ERROR))

    context.upstream.on_head = script
    context.upstream.on_request = lambda connection, stream: None
    for via in BOTH:
        answer = context.ask(via, method="POST", body=bytes(200_000))
        expect(answer)
        context.expect_next(via)
