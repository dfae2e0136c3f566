#include "tests/integration/pair_peers.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <thread>

#include "tests/gateway/http2/http2_upstream.h"
#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

using http2::Http2Upstream;
using http2::ScriptedServer;
using http2::SeenRequest;

constexpr uint32_t kCancel = 8;

bool SameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string Lines(const Fields& fields) {
  std::string lines;
  for (const auto& [name, value] : fields) lines += name + ": " + value + "\r\n";
  return lines;
}

std::string Chunked(std::string_view body, const Fields& trailers) {
  return (body.empty() ? "" : Chunk(body)) + "0\r\n" + Lines(trailers) + "\r\n";
}

class Http1PairUpstream final : public PairUpstream {
 public:
  explicit Http1PairUpstream(Handler handler)
      : PairUpstream(std::move(handler)), acceptor_([this] { AcceptAll(); }) {}
  ~Http1PairUpstream() override {
    over_ = true;
    acceptor_.join();
    for (std::thread& connection : connections_) connection.join();
  }
  const std::string& address() const override { return upstream_.address(); }
  int cancelled() const override { return cancelled_; }

 private:
  static constexpr int kLook = 10;  // milliseconds

  bool AwaitInput(int fd) const {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    while (!over_ && poll(&entry, 1, kLook) == 0) {
    }
    return !over_;
  }
  void AcceptAll() {
    while (AwaitInput(upstream_.fd())) {
      const int fd = accept4(upstream_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) continue;
      connections_.emplace_back([this, fd] {
        WireSocket socket(fd);
        while (Serve(socket)) {
        }
      });
    }
  }
  bool Serve(WireSocket& socket) {
    if (!socket.has_input() && !AwaitInput(socket.fd())) return false;
    if (socket.AwaitInput() != StreamEnd::kOpen) return false;
    Message message = ReadHead(socket);
    ++begun_;
    Asked asked{.method = message.Method(), .path = message.Target(), .fields = message.fields};
    if (answers_early) {
      Send(socket, asked, Answer(asked));
      return false;
    }
    if (message.Has("expect")) socket.Send("HTTP/1.1 100 Continue\r\n\r\n");
    ReadRequestBody(socket, &message);
    asked.body = message.body;
    asked.trailers = message.trailers;
    const Answered answer = Answer(asked);
    Send(socket, asked, answer);
    if (!answer.broken) return true;
    // Whether it is cancelled while it is not complete.
    if (AwaitInput(socket.fd()) && socket.AwaitInput() != StreamEnd::kOpen) ++cancelled_;
    return false;
  }
  static void Send(WireSocket& socket, const Asked& asked, const Answered& answer) {
    std::string bytes;
    for (const auto& [status, fields] : answer.interim) {
      bytes += "HTTP/1.1 " + std::to_string(status) + " Interim\r\n" + Lines(fields) + "\r\n";
    }
    bytes += "HTTP/1.1 " + std::to_string(answer.status) + " Word\r\n" + Lines(answer.fields);
    const bool bodiless = answer.status == 204 || answer.status == 304 || asked.method == "HEAD";
    if (bodiless) {
      bytes += "\r\n";
    } else if (answer.with_length) {
      const size_t length = answer.body.size() + (answer.broken ? 1 : 0);
      bytes += "Content-Length: " + std::to_string(length) + "\r\n\r\n" + answer.body;
    } else {
      bytes += "Transfer-Encoding: chunked\r\n\r\n";
      bytes += answer.broken ? Chunk(answer.body) : Chunked(answer.body, answer.trailers);
    }
    socket.SendIfWanted(bytes);
  }

  ScriptedUpstream upstream_;
  std::atomic<bool> over_ = false;
  std::atomic<int> cancelled_ = 0;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

class Http2PairUpstream final : public PairUpstream {
 public:
  explicit Http2PairUpstream(Handler handler)
      : PairUpstream(std::move(handler)),
        upstream_([this](ScriptedServer& server, SeenRequest& seen) { OnEnd(server, seen); }, {},
                  [this](ScriptedServer& server, SeenRequest& seen) { OnHead(server, seen); }) {}
  const std::string& address() const override { return upstream_.address(); }
  int cancelled() const override { return upstream_.resets(); }

 private:
  void OnHead(ScriptedServer& server, SeenRequest& seen) {
    ++begun_;
    if (answers_early) return Send(server, seen);
    if (!seen.Field("expect").empty()) server.Inform(seen.id, 100);
  }
  void OnEnd(ScriptedServer& server, SeenRequest& seen) {
    if (!answers_early) Send(server, seen);
  }
  void Send(ScriptedServer& server, SeenRequest& seen) {
    Asked asked{.method = std::string(seen.Field(":method")),
                .path = std::string(seen.Field(":path")),
                .fields = seen.fields,
                .body = seen.body,
                .trailers = seen.trailers};
    const Answered answer = Answer(asked);
    for (const auto& [status, fields] : answer.interim) server.Inform(seen.id, status, fields);
    Fields fields = answer.fields;
    const bool bodiless = answer.status == 204 || answer.status == 304 || asked.method == "HEAD";
    if (answer.with_length && !bodiless) {
      fields.emplace_back("content-length",
                          std::to_string(answer.body.size() + (answer.broken ? 1 : 0)));
    }
    server.Respond(seen.id, answer.status, fields, bodiless ? "" : answer.body, !answer.broken,
                   answer.trailers);
  }

  Http2Upstream upstream_;
};

class Http1PairClient final : public PairClient {
 public:
  explicit Http1PairClient(const std::string& address) : client_(address) {}

  Answered Ask(const Asked& asked) override {
    const bool expects = !ValueOf(asked.fields, "expect").empty();
    client_.Send(Head(asked) + (expects ? "" : Body(asked)));
    Answered answered;
    Message message = Next(asked);
    while (message.Status() / 100 == 1) {
      if (message.Status() == 100) client_.Send(Body(asked));
      answered.interim.emplace_back(message.Status(), message.fields);
      message = Next(asked);
    }
    answered.status = message.Status();
    answered.fields = message.fields;
    answered.body = message.body;
    answered.trailers = message.trailers;
    return answered;
  }
  void Begin(const Asked& asked, size_t bytes) override {
    client_.Send(Head(asked) + Body(asked));
    if (bytes == 0) return;
    client_.ReadUntil("\r\n\r\n");
    client_.ReadBytes(bytes);
  }
  // A mere end might be that of one side.
  void Cancel() override { client_.Reset(); }
  Answered AskUnfinished(const Asked& asked) override {
    client_.Send(Head(asked) + Chunk("some"));
    const Message message = Next(asked);
    return {.status = message.Status(), .fields = message.fields, .body = message.body};
  }
  RawClient* raw() override { return &client_; }

 private:
  static std::string Head(const Asked& asked) {
    std::string head =
        asked.method + " " + asked.path + " HTTP/1.1\r\nHost: test\r\n" + Lines(asked.fields);
    if (asked.body.has_value()) {
      head += asked.with_length ? "Content-Length: " + std::to_string(asked.body->size()) + "\r\n"
                                : "Transfer-Encoding: chunked\r\n";
    }
    return head + "\r\n";
  }
  static std::string Body(const Asked& asked) {
    if (!asked.body.has_value()) return "";
    return asked.with_length ? *asked.body : Chunked(*asked.body, asked.trailers);
  }
  Message Next(const Asked& asked) { return client_.Response(asked.method); }

  RawClient client_;
};

class Http2PairClient final : public PairClient {
 public:
  explicit Http2PairClient(const std::string& address) : client_(address) {}

  Answered Ask(const Asked& asked) override { return Of(client_.Await(Send(asked, false))); }
  void Begin(const Asked& asked, size_t bytes) override {
    stream_ = Send(asked, false);
    client_.Flush();
    if (bytes > 0) client_.AwaitBody(stream_, bytes);
  }
  void Cancel() override {
    client_.Reset(stream_, kCancel);
    client_.Flush();
  }
  Answered AskUnfinished(const Asked& asked) override {
    const int32_t stream = Send(asked, true);
    client_.SendBody(stream, "some", /*last=*/false);
    return Of(client_.Await(stream));
  }

 private:
  int32_t Send(const Asked& asked, bool open) {
    Http2Request request{.path = asked.path,
                         .method = asked.method,
                         .fields = asked.fields,
                         .body = open ? std::nullopt : asked.body,
                         .trailers = asked.trailers,
                         .open = open};
    if (asked.body.has_value() && asked.with_length && !open) {
      request.fields.emplace_back("content-length", std::to_string(asked.body->size()));
    }
    return client_.Send(request);
  }
  static Answered Of(const Http2Response& response) {
    Answered answered{.status = response.Status(),
                      .fields = response.head,
                      .body = response.body,
                      .trailers = response.trailers,
                      .broken = !response.ended};
    for (const Http2Fields& interim : response.interim) {
      answered.interim.emplace_back(std::stoi(ValueOf(interim, ":status")), interim);
    }
    return answered;
  }

  Http2Client client_;
  int32_t stream_ = 0;
};

}  // namespace

std::string ValueOf(const Fields& fields, std::string_view name) {
  for (const auto& [field, value] : fields) {
    if (SameName(field, name)) return value;
  }
  return "";
}

std::vector<std::string> ValuesOf(const Fields& fields, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& [field, value] : fields) {
    if (SameName(field, name)) values.push_back(value);
  }
  return values;
}

std::unique_ptr<PairUpstream> PairUpstream::New(Protocol protocol, Handler handler) {
  if (protocol == Protocol::kHttp1) return std::make_unique<Http1PairUpstream>(std::move(handler));
  return std::make_unique<Http2PairUpstream>(std::move(handler));
}

std::unique_ptr<PairClient> PairClient::New(Protocol protocol, const std::string& address) {
  if (protocol == Protocol::kHttp1) return std::make_unique<Http1PairClient>(address);
  return std::make_unique<Http2PairClient>(address);
}

std::string PairName(const testing::TestParamInfo<Pair>& info) {
  const auto digit = [](Protocol protocol) { return protocol == Protocol::kHttp1 ? "1" : "2"; };
  return std::string("Http") + digit(info.param.client) + "Http" + digit(info.param.upstream);
}

void OverEachPair::Start(PairUpstream::Handler handler, GatewayConfig config) {
  upstream_ = PairUpstream::New(GetParam().upstream, std::move(handler));
  StartBefore(upstream_->address(), std::move(config));
}

void OverEachPair::StartBefore(const std::string& address, GatewayConfig config) {
  if (GetParam().upstream == Protocol::kHttp2) {
    config.upstream += config.upstream.empty() ? "protocol: h2" : ", protocol: h2";
  }
  config.endpoints = {address};
  config.listener += config.listener.empty() ? "protocols: [h2, h1]" : ", protocols: [h2, h1]";
  gateway_ = std::make_unique<GatewayProcess>(config);
  client_ = NewClient();
}

}  // namespace holdfast::support
