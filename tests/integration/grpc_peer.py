"""A server and a client of gRPC with messages of plain bytes, for the tests with a gateway between.

    grpc_peer.py server [NAME]      prints its port, then serves until killed
    grpc_peer.py client ADDRESS CASE...    runs each case and prints `ok CASE`

The server also answers grpc.health.v1: SERVING until it is told otherwise by /test.Peer/Health.
"""

import sys
import threading
import time
from concurrent import futures

import grpc

MEBIBYTE = 1 << 20
MESSAGES = 10_000
OPTIONS = [("grpc.max_receive_message_length", 8 * MEBIBYTE), ("grpc.enable_retries", 0)]


class Server:
    def __init__(self, name):
        self.name = name.encode()
        self.health = b"\x08\x01"

    def echo(self, request, context):
        context.send_initial_metadata(
            [(key.replace("asked", "answered"), value)
             for key, value in context.invocation_metadata() if key.startswith("x-asked")])
        context.set_trailing_metadata([("x-name", self.name.decode())])
        return request

    def who(self, _request, _context):
        return self.name

    def fail(self, request, context):
        context.abort(grpc.StatusCode[request.decode()], "that is so: \u00e9 100%")

    # As one of two servers that is not well.
    def unavailable(self, _request, context):
        if self.name == b"bad":
            context.abort(grpc.StatusCode.UNAVAILABLE, "not here")
        return self.name

    def sleep(self, request, context):
        until = time.monotonic() + float(request)
        while time.monotonic() < until and context.is_active():
            time.sleep(0.02)
        return b"slept"

    def count(self, request, _context):
        for i in range(int(request)):
            yield b"%d" % i

    def total(self, requests, _context):
        return b"%d" % sum(len(request) for request in requests)

    def chat(self, requests, _context):
        yield from requests

    def set_health(self, request, _context):
        self.health = request
        return b""

    def check(self, request, context):
        if request == b"\x0a\x07missing":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return self.health

    def handlers(self):
        unary = grpc.unary_unary_rpc_method_handler
        peer = {
            "Echo": unary(self.echo),
            "Who": unary(self.who),
            "Fail": unary(self.fail),
            "Unavailable": unary(self.unavailable),
            "Sleep": unary(self.sleep),
            "Health": unary(self.set_health),
            "Count": grpc.unary_stream_rpc_method_handler(self.count),
            "Total": grpc.stream_unary_rpc_method_handler(self.total),
            "Chat": grpc.stream_stream_rpc_method_handler(self.chat),
        }
        health = {"Check": unary(self.check)}
        return [grpc.method_handlers_generic_handler("test.Peer", peer),
                grpc.method_handlers_generic_handler("grpc.health.v1.Health", health)]


def serve(name):
    server = grpc.server(futures.ThreadPoolExecutor(16), options=OPTIONS)
    server.add_generic_rpc_handlers(Server(name).handlers())
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


class Client:
    def __init__(self, address):
        self.channel = grpc.insecure_channel(address, options=OPTIONS)

    def unary(self, method):
        return self.channel.unary_unary("/test.Peer/" + method)

    def chat(self, messages, **more):
        return self.channel.stream_stream("/test.Peer/Chat")(messages, **more)

    def expect(self, code, call):
        try:
            call()
        except grpc.RpcError as error:
            assert error.code() == code, (error.code(), error.details())
            return error
        raise AssertionError("it did not fail")

    def case_unary(self):
        reply, call = self.unary("Echo").with_call(
            b"hello", timeout=20, metadata=[("x-asked", "yes"), ("x-asked-bin", b"\x00\xff")])
        assert reply == b"hello", reply
        initial = dict(call.initial_metadata())
        assert initial["x-answered"] == "yes" and initial["x-answered-bin"] == b"\x00\xff", initial
        assert dict(call.trailing_metadata())["x-name"], "no trailing metadata"
        assert self.unary("Echo")(b"", timeout=20) == b""

    def case_statuses(self):
        for code in grpc.StatusCode:
            if code != grpc.StatusCode.OK:
                fail = lambda: self.unary("Fail")(code.name.encode(), timeout=20)
                assert self.expect(code, fail).details() == "that is so: \u00e9 100%"
        self.expect(grpc.StatusCode.UNIMPLEMENTED, lambda: self.unary("None")(b"", timeout=20))

    def case_large(self):
        large = bytes(range(256)) * (3 * MEBIBYTE // 256)
        assert self.unary("Echo")(large, timeout=60) == large

    def case_streams(self):
        count = self.channel.unary_stream("/test.Peer/Count")
        assert [int(i) for i in count(b"2000", timeout=60)] == list(range(2000))
        total = self.channel.stream_unary("/test.Peer/Total")
        assert total((b"x" * 100 for _ in range(2000)), timeout=60) == b"200000"
        assert total(iter(()), timeout=20) == b"0"

    # Each message waits for the echo of the one before it.
    def case_pingpong(self):
        turn = threading.Semaphore(1)

        def messages():
            for i in range(300):
                assert turn.acquire(timeout=20), "no echo"
                yield b"%d" % i

        for i, echo in enumerate(self.chat(messages(), timeout=60)):
            assert echo == b"%d" % i
            turn.release()
        assert i == 299, i

    def case_many(self):
        messages = (b"%d" % i for i in range(MESSAGES))
        for i, echo in enumerate(self.chat(messages, timeout=120)):
            assert echo == b"%d" % i
        assert i == MESSAGES - 1, i

    def case_deadline(self):
        begun = time.monotonic()
        self.expect(grpc.StatusCode.DEADLINE_EXCEEDED,
                    lambda: self.unary("Sleep")(b"15", timeout=0.5))
        assert time.monotonic() - begun < 10

    def case_cancel(self):
        call = self.unary("Sleep").future(b"15", timeout=20)
        time.sleep(0.2)
        call.cancel()
        assert call.cancelled()
        assert self.unary("Echo")(b"on", timeout=20) == b"on"

    # What a gateway says by itself; its routes know /test.Peer/ alone.
    def case_no_route(self):
        call = self.channel.unary_unary("/other.Service/Call")
        error = self.expect(grpc.StatusCode.UNIMPLEMENTED, lambda: call(b"", timeout=20))
        assert error.details().startswith("no_route: No route matches"), error.details()

    def case_unavailable(self):
        error = self.expect(grpc.StatusCode.UNAVAILABLE,
                            lambda: self.unary("Echo")(b"", timeout=20))
        assert error.details().split(":")[0] in ("connect_refused", "no_endpoint"), error.details()

    def case_too_large(self):
        error = self.expect(grpc.StatusCode.RESOURCE_EXHAUSTED,
                            lambda: self.unary("Echo")(b"x" * 4096, timeout=20))
        assert error.details().startswith("body_too_large"), error.details()

    def case_route_time(self):
        error = self.expect(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: self.unary("Sleep")(b"15"))
        assert error.details().startswith("total_timeout"), error.details()

    def case_repeated(self):
        for _ in range(10):
            assert self.unary("Unavailable")(b"", timeout=20) == b"good"

    # Asks until it is killed; prints how the stream ended.
    def case_until_death(self):
        alive = threading.Event()

        def messages():
            yield b"first"
            print("begun", flush=True)
            alive.wait(60)

        try:
            for _ in self.chat(messages(), timeout=60):
                pass
            print("ended without an error")
        except grpc.RpcError as error:
            print("ended", error.code().name)
        alive.set()

    def case_serving(self):
        assert self.unary("Health")(b"\x08\x01", timeout=20) == b""

    def case_not_serving(self):
        assert self.unary("Health")(b"\x08\x02", timeout=20) == b""

    def case_who(self):
        print(self.unary("Who")(b"", timeout=20).decode())


def main():
    if sys.argv[1] == "server":
        serve(*(sys.argv[2:] or ["server"]))
    else:
        client = Client(sys.argv[2])
        for case in sys.argv[3:]:
            getattr(client, "case_" + case)()
            print("ok", case, flush=True)


if __name__ == "__main__":
    main()
