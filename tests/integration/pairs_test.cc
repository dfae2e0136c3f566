// What an exchange is, over each pair of protocols: HTTP/1.1 and HTTP/2 on either side.

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/http2/http2_upstream.h"
#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/gateway_process.h"
#include "tests/support/pattern.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

using http2::Http2Upstream;
using http2::ScriptedServer;
using http2::SeenRequest;
using ::testing::HasSubstr;

constexpr uint32_t kCancel = 8;

enum class Protocol : uint8_t { kHttp1, kHttp2 };

// A message without the words of either protocol.
struct Asked {
  std::string method = "GET";
  std::string path = "/";
  Fields fields;
  std::optional<std::string> body;
  bool with_length = true;
  Fields trailers;
};

struct Answered {
  std::vector<std::pair<int, Fields>> interim;
  int status = 200;
  Fields fields;
  std::string body;
  bool with_length = true;
  Fields trailers;
  bool broken = false;  // it ends before its body does
};

bool SameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

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

std::string Lines(const Fields& fields) {
  std::string lines;
  for (const auto& [name, value] : fields) lines += name + ": " + value + "\r\n";
  return lines;
}

std::string Chunked(std::string_view body, const Fields& trailers) {
  return (body.empty() ? "" : Chunk(body)) + "0\r\n" + Lines(trailers) + "\r\n";
}

// An upstream that answers each request as the test says, once it has read it; with a head that
// expects it, it asks for the body.
class PairUpstream {
 public:
  using Handler = std::function<Answered(const Asked&)>;

  explicit PairUpstream(Handler handler) : handler_(std::move(handler)) {}
  virtual ~PairUpstream() = default;
  virtual const std::string& address() const = 0;
  // Requests that were given up by the other side.
  virtual int cancelled() const = 0;
  int begun() const { return begun_; }

  // From now on it answers with the head of a request.
  std::atomic<bool> answers_early = false;

 protected:
  Answered Answer(const Asked& asked) {
    const std::lock_guard lock(mutex_);
    return handler_(asked);
  }

  std::mutex mutex_;
  Handler handler_;
  std::atomic<int> begun_ = 0;
};

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

class PairClient {
 public:
  virtual ~PairClient() = default;
  virtual Answered Ask(const Asked& asked) = 0;
  // Sends a request and waits for no more than the answer's beginning, `bytes` of its body.
  virtual void Begin(const Asked& asked, size_t bytes) = 0;
  // Gives up what was begun.
  virtual void Cancel() = 0;
  // Sends a head and part of a body, then reads the answer that comes before the rest.
  virtual Answered AskUnfinished(const Asked& asked) = 0;
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
  RawClient& raw() { return client_; }

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

struct Pair {
  Protocol client;
  Protocol upstream;
};

class PairsTest : public testing::TestWithParam<Pair> {
 protected:
  void Start(PairUpstream::Handler handler, GatewayConfig config = {}) {
    if (GetParam().upstream == Protocol::kHttp1) {
      upstream_ = std::make_unique<Http1PairUpstream>(std::move(handler));
    } else {
      upstream_ = std::make_unique<Http2PairUpstream>(std::move(handler));
      config.upstream += config.upstream.empty() ? "protocol: h2" : ", protocol: h2";
    }
    config.endpoints = {upstream_->address()};
    config.listener = "protocols: [h2, h1]";
    gateway_ = std::make_unique<GatewayProcess>(config);
    client_ = NewClient();
  }
  std::unique_ptr<PairClient> NewClient() {
    if (GetParam().client == Protocol::kHttp1) {
      return std::make_unique<Http1PairClient>(gateway_->address());
    }
    return std::make_unique<Http2PairClient>(gateway_->address());
  }

  // What handlers that wait wait for; they may still look when a test's body is over.
  std::atomic<bool> go_ = false;
  std::unique_ptr<PairUpstream> upstream_;
  std::unique_ptr<GatewayProcess> gateway_;
  std::unique_ptr<PairClient> client_;
};

INSTANTIATE_TEST_SUITE_P(, PairsTest,
                         testing::Values(Pair{Protocol::kHttp1, Protocol::kHttp1},
                                         Pair{Protocol::kHttp1, Protocol::kHttp2},
                                         Pair{Protocol::kHttp2, Protocol::kHttp1},
                                         Pair{Protocol::kHttp2, Protocol::kHttp2}),
                         [](const testing::TestParamInfo<Pair>& info) {
                           const auto digit = [](Protocol protocol) {
                             return protocol == Protocol::kHttp1 ? "1" : "2";
                           };
                           return std::string("Http") + digit(info.param.client) + "Http" +
                                  digit(info.param.upstream);
                         });

Answered Echo(const Asked& asked) {
  return {.fields = {{"x-method", asked.method}, {"x-path", asked.path}},
          .body = asked.body.value_or("")};
}

TEST_P(PairsTest, BodiesWithAndWithoutALength) {
  std::atomic<bool> with_length = true;
  Start([&](const Asked& asked) {
    Answered answer = Echo(asked);
    answer.with_length = with_length;
    return answer;
  });
  for (const bool answer_with : {true, false}) {
    with_length = answer_with;
    for (const bool ask_with : {true, false}) {
      for (const size_t bytes : {0u, 1u, 70'000u, 1'000'000u}) {
        const std::string body = Pattern(bytes);
        const Answered answer = client_->Ask(
            {.method = "POST", .path = "/a?b=c", .body = body, .with_length = ask_with});
        EXPECT_EQ(answer.status, 200);
        EXPECT_TRUE(answer.body == body) << answer.body.size() << " of " << bytes;
        EXPECT_EQ(ValueOf(answer.fields, "x-path"), "/a?b=c");
        EXPECT_FALSE(answer.broken);
      }
    }
  }
}

TEST_P(PairsTest, TrailersGoBothWays) {
  Fields seen;
  Start([&](const Asked& asked) {
    seen = asked.trailers;
    return Answered{.fields = {{"trailer", "x-sum"}},
                    .body = "body",
                    .with_length = false,
                    .trailers = {{"x-sum", "17"}, {"x-more", "b"}}};
  });
  const Answered answer = client_->Ask({.method = "POST",
                                        .fields = {{"te", "trailers"}},
                                        .body = "body",
                                        .with_length = false,
                                        .trailers = {{"x-check", "ok"}}});
  EXPECT_EQ(ValueOf(seen, "x-check"), "ok");
  EXPECT_EQ(answer.body, "body");
  EXPECT_EQ(ValueOf(answer.trailers, "x-sum"), "17");
  EXPECT_EQ(ValueOf(answer.trailers, "x-more"), "b");
}

TEST_P(PairsTest, InterimResponsesPass) {
  Start([](const Asked&) {
    return Answered{.interim = {{103, {{"link", "</a.css>"}}}, {103, {{"link", "</b.js>"}}}},
                    .body = "ok"};
  });
  const Answered answer = client_->Ask({});
  ASSERT_EQ(answer.interim.size(), 2u);
  EXPECT_EQ(answer.interim[0].first, 103);
  EXPECT_EQ(ValueOf(answer.interim[0].second, "link"), "</a.css>");
  EXPECT_EQ(ValueOf(answer.interim[1].second, "link"), "</b.js>");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "ok");
}

TEST_P(PairsTest, AnExpectationReachesWhoCanMeetIt) {
  Start(Echo);
  const Answered answer =
      client_->Ask({.method = "PUT", .fields = {{"expect", "100-continue"}}, .body = "late"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "late");
  ASSERT_EQ(answer.interim.size(), 1u);
  EXPECT_EQ(answer.interim[0].first, 100);
}

TEST_P(PairsTest, ResponsesWithoutABody) {
  Start([](const Asked& asked) {
    Answered answer{.fields = {{"etag", "\"x\""}}};
    if (asked.path == "/head") answer.fields.emplace_back("content-length", "17");
    if (asked.path == "/204") answer.status = 204;
    if (asked.path == "/304") answer.status = 304;
    return answer;
  });
  const Answered head = client_->Ask({.method = "HEAD", .path = "/head"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(ValueOf(head.fields, "content-length"), "17");
  EXPECT_EQ(head.body, "");
  for (const int status : {204, 304}) {
    const Answered answer = client_->Ask({.path = "/" + std::to_string(status)});
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(ValueOf(answer.fields, "etag"), "\"x\"");
    EXPECT_EQ(answer.body, "");
    EXPECT_FALSE(answer.broken);
  }
}

TEST_P(PairsTest, AnAnswerMayComeBeforeTheRequestsEnd) {
  Start([](const Asked&) { return Answered{.status = 413, .body = "enough"}; });
  upstream_->answers_early = true;
  const Answered answer =
      client_->AskUnfinished({.method = "POST", .body = "never", .with_length = false});
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "enough");
  EXPECT_FALSE(answer.broken);
}

// On the connection, or on the stream alone.
TEST_P(PairsTest, AClientThatLeavesCancels) {
  Start([](const Asked&) { return Answered{.body = "begun", .broken = true}; });
  client_->Begin({}, 5);
  client_->Cancel();
  EXPECT_TRUE(Eventually([&] { return upstream_->cancelled() == 1; }));
  gateway_->AwaitMetric("holdfast_upstream_connections", {{"state", "active"}}, 0);
}

TEST_P(PairsTest, ABodyThatIsCutIsNoCleanEnd) {
  for (const bool with_length : {true, false}) {
    Start(
        [=](const Asked&) {
          return Answered{.body = "cut", .with_length = with_length, .broken = true};
        },
        {.route = "timeouts: {stall: 200ms}"});
    if (GetParam().client == Protocol::kHttp2) {
      const Answered answer = client_->Ask({});
      EXPECT_EQ(answer.status, 200);
      EXPECT_TRUE(answer.broken);
      EXPECT_EQ(answer.body, "cut");
    } else {
      client_->Begin({}, with_length ? 3 : 8);
      RawClient& raw = static_cast<Http1PairClient&>(*client_).raw();
      StreamEnd end = StreamEnd::kOpen;
      EXPECT_THAT(raw.ReadToEnd(&end), ::testing::Not(HasSubstr("0\r\n\r\n")));
      EXPECT_NE(end, StreamEnd::kOpen);
    }
  }
}

TEST_P(PairsTest, CookiesAndHosts) {
  Fields seen;
  Start([&](const Asked& asked) {
    seen = asked.fields;
    return Answered{.fields = {{"set-cookie", "a=1"}, {"set-cookie", "b=2; Path=/"}}};
  });
  const Answered answer = client_->Ask({.fields = {{"cookie", "a=1; b=2"}}});
  EXPECT_EQ(ValueOf(seen, "cookie"), "a=1; b=2");
  const char* const host = GetParam().upstream == Protocol::kHttp1 ? "host" : ":authority";
  EXPECT_EQ(ValuesOf(seen, host), std::vector<std::string>{"test"});
  EXPECT_EQ(ValuesOf(answer.fields, "set-cookie"),
            (std::vector<std::string>{"a=1", "b=2; Path=/"}));
}

TEST_P(PairsTest, WhatBelongsToOneConnectionStaysThere) {
  Fields seen;
  Start([&](const Asked& asked) {
    seen = asked.fields;
    return Answered{.fields = {{"x-kept", "1"}}};
  });
  const Answered answer = client_->Ask({.fields = {{"te", "trailers"}, {"x-asked", "1"}}});
  EXPECT_EQ(ValueOf(seen, "x-asked"), "1");
  EXPECT_EQ(ValueOf(seen, "te"), "trailers");
  EXPECT_EQ(ValueOf(answer.fields, "x-kept"), "1");
  const bool from_old = GetParam().client == Protocol::kHttp1;
  EXPECT_THAT(ValueOf(seen, "via"), HasSubstr(from_old ? "1.1 " : "2.0 "));
  if (GetParam().upstream == Protocol::kHttp2) {
    for (const char* const name : {"connection", "keep-alive", "transfer-encoding", "upgrade"}) {
      EXPECT_EQ(ValueOf(seen, name), "") << name;
    }
  }
  if (!from_old) {
    EXPECT_EQ(ValueOf(answer.fields, "connection"), "");
  }
}

TEST_P(PairsTest, LongFieldsPass) {
  Start([](const Asked& asked) {
    return Answered{.fields = {{"x-long", ValueOf(asked.fields, "x-long")}}};
  });
  const std::string value(12'000, 'v');
  EXPECT_EQ(ValueOf(client_->Ask({.fields = {{"x-long", value}}}).fields, "x-long"), value);
}

TEST_P(PairsTest, AStatusOfThePolicyIsAskedForAgain) {
  std::atomic<int> asked_times = 0;
  Start(
      [&](const Asked&) {
        return Answered{.status = ++asked_times == 1 ? 503 : 200, .body = "second"};
      },
      {.route = "retry: {attempts: 1, statuses: [503]}"});
  const Answered answer = client_->Ask({});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "second");
  EXPECT_EQ(asked_times, 2);
}

TEST_P(PairsTest, OneThatAnswersTooLateIsGivenUp) {
  Start(
      [&](const Asked&) {
        EXPECT_TRUE(Eventually([&] { return go_.load(); }));
        return Answered{.body = "ok"};
      },
      {.route = "timeouts: {first_byte: 150ms}, retry: {attempts: 0}"});
  const Answered late = client_->Ask({.path = "/late"});
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.body, HasSubstr("reason: first_byte_timeout"));
  go_ = true;
}

TEST_P(PairsTest, ADrainLetsThemFinish) {
  Start(
      [&](const Asked&) {
        EXPECT_TRUE(Eventually([&] { return go_.load(); }));
        return Answered{.body = Pattern(200'000)};
      },
      {.drain = "{delay: 0s, timeout: 20s}"});
  Answered answer;
  std::thread asker([&] { answer = client_->Ask({}); });
  EXPECT_TRUE(Eventually([&] { return upstream_->begun() == 1; }));
  gateway_->Signal(SIGTERM);
  EXPECT_TRUE(Eventually([&] { return gateway_->Status("/readyz").Status() == 503; }));
  go_ = true;
  asker.join();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == Pattern(200'000)) << answer.body.size();
  EXPECT_FALSE(answer.broken);
  EXPECT_EQ(gateway_->WaitExit(), 0);
}

TEST_P(PairsTest, AReloadChangesNothingUnderThem) {
  Start([&](const Asked& asked) {
    if (asked.path == "/slow") {
      EXPECT_TRUE(Eventually([&] { return go_.load(); }));
    }
    return Answered{.body = "from " + asked.path};
  });
  Answered answer;
  std::thread asker([&] { answer = client_->Ask({.path = "/slow"}); });
  EXPECT_TRUE(Eventually([&] { return upstream_->begun() == 1; }));
  gateway_->Reload(
      GatewayConfig{.endpoints = {UnusedAddress()}, .listener = "protocols: [h2, h1]"}.Text());
  go_ = true;
  asker.join();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "from /slow");
  EXPECT_EQ(client_->Ask({}).status, 502);
}

TEST_P(PairsTest, ManyAtATimeAreEachOnesOwn) {
  Start(Echo);
  std::vector<std::thread> clients;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      const std::unique_ptr<PairClient> client = NewClient();
      for (int n = 0; n < 25; ++n) {
        const std::string body = std::to_string(i) + ":" + std::string(n * 37, 'a' + i);
        const Answered answer = client->Ask({.method = "POST", .body = body});
        if (answer.status != 200 || answer.body != body) ++wrong;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace holdfast::support
