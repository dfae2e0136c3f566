// Ways past those who guard a route: whatever a request looks like, who may not have it reaches
// neither the upstream nor the mirror. What is tried is the same for every guard.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/auth/test_tokens.h"
#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kHost = "Host: test\r\n";
constexpr std::string_view kMirrored = "holdfast_mirror_requests_total";

// What becomes of an attempt where its client may ask.
enum class Admitted : uint8_t {
  kServed,   // the upstream has it
  kRefused,  // by another rule, whoever asks
  kUntried,
};

struct Attempt {
  std::string_view name;
  std::string line;
  std::string fields = std::string(kHost);
  std::string body = {};
  Admitted admitted = Admitted::kServed;
  bool behind_another = false;  // in one segment with a request that anybody may send
};

Attempt ByLine(std::string_view line, Admitted admitted = Admitted::kServed) {
  return {.name = line, .line = std::string(line), .admitted = admitted};
}

Attempt ByPath(std::string_view path, Admitted admitted = Admitted::kServed) {
  return {.name = path, .line = "GET " + std::string(path) + " HTTP/1.1", .admitted = admitted};
}

Attempt ByFields(std::string_view name, std::string_view fields,
                 Admitted admitted = Admitted::kServed) {
  return {.name = name,
          .line = "GET /in HTTP/1.1",
          .fields = std::string(kHost) + std::string(fields),
          .admitted = admitted};
}

// Instead of the usual Host.
Attempt ByHost(std::string_view fields, Admitted admitted = Admitted::kServed) {
  return {.name = fields,
          .line = "GET /in HTTP/1.1",
          .fields = std::string(fields),
          .admitted = admitted};
}

Attempt ByBody(std::string_view name, std::string_view fields, std::string_view body,
               Admitted admitted = Admitted::kServed) {
  return {.name = name,
          .line = "POST /in HTTP/1.1",
          .fields = std::string(kHost) + std::string(fields),
          .body = std::string(body),
          .admitted = admitted};
}

std::vector<Attempt> ByRequestLine() {
  return {
      ByLine("GET /in HTTP/1.1"),
      ByLine("GET /in HTTP/1.0"),
      {.name = "HTTP/1.0 without a host", .line = "GET /in HTTP/1.0", .fields = ""},
      ByLine("HEAD /in HTTP/1.1"),
      ByLine("PUT /in HTTP/1.1"),
      ByLine("DELETE /in HTTP/1.1"),
      ByLine("OPTIONS /in HTTP/1.1"),
      ByLine("PURGE /in HTTP/1.1"),
      ByLine("get /in HTTP/1.1"),
      ByLine("GET http://test/in HTTP/1.1"),
      ByLine("GET HTTP://TEST/in HTTP/1.1"),
      ByLine("GET http://test/x/../in HTTP/1.1"),
      ByLine("GET http://other.test/in HTTP/1.1", Admitted::kRefused),
      ByLine("GET http://u@test/in HTTP/1.1", Admitted::kRefused),
      ByLine("GET ftp://test/in HTTP/1.1", Admitted::kRefused),
      ByLine("GET in HTTP/1.1", Admitted::kRefused),
      ByLine("GET /in#x HTTP/1.1", Admitted::kRefused),
      ByLine("GET /in HTTP/2.0", Admitted::kRefused),
      ByLine("GET  /in HTTP/1.1", Admitted::kRefused),
      ByLine("GET /in", Admitted::kRefused),
      ByLine("CONNECT test:80 HTTP/1.1", Admitted::kRefused),
      ByLine("TRACE /in HTTP/1.1", Admitted::kRefused),
  };
}

std::vector<Attempt> ByPathAndHost() {
  return {
      ByPath("/in/"),
      ByPath("/in/x"),
      ByPath("/in?"),
      ByPath("/in?x=/../../out"),
      ByPath("/%69n"),
      ByPath("/%69%6E"),
      ByPath("/./in"),
      ByPath("//in"),
      ByPath("/x/../in"),
      ByPath("/x/%2e%2E/in"),
      ByPath("/in//x"),
      ByPath("/in/../in"),
      ByPath("/in;x=1", Admitted::kRefused),
      ByPath("/in%2fx", Admitted::kRefused),
      ByPath("/in%5cx", Admitted::kRefused),
      ByPath("/in\\x", Admitted::kRefused),
      ByPath("/\\in", Admitted::kRefused),
      ByPath("/in%00", Admitted::kRefused),
      ByPath("/in%20", Admitted::kRefused),
      ByPath("/in.", Admitted::kRefused),
      ByPath("/in%3fx", Admitted::kRefused),
      ByPath("/%2569n", Admitted::kRefused),
      ByPath("/x/..;/in", Admitted::kRefused),
      ByPath("/x\\..\\in", Admitted::kRefused),
      ByHost("Host: TEST.\r\n"),
      ByHost("host: test:80\r\n"),
      ByHost("Host: test:\r\n"),
      ByHost("Host: other.test\r\n"),
      ByHost("Host: %74est\r\n", Admitted::kRefused),
      ByHost("Host: test\r\nHost: test\r\n", Admitted::kRefused),
      ByHost("X-Forwarded-Host: test\r\n", Admitted::kRefused),
      ByHost("Host : test\r\n", Admitted::kRefused),
  };
}

std::vector<Attempt> ByBodyAndFraming() {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  return {
      ByBody("a length", "Content-Length: 4\r\n", "body"),
      ByBody("no content", "Content-Length: 0\r\n", ""),
      ByBody("chunks", chunked, "4\r\nbody\r\n0\r\n\r\n"),
      ByBody("an extension", chunked, "4;a=b\r\nbody\r\n0\r\n\r\n"),
      ByBody("trailers", chunked, "4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n"),
      ByBody("a call of gRPC", "Content-Type: application/grpc\r\nContent-Length: 5\r\n",
             "\1\1\1\1\1"),
      ByBody("another method's name", "X-HTTP-Method-Override: GET\r\nContent-Length: 4\r\n",
             "body"),
      ByBody("held back", "Expect: 100-continue\r\nContent-Length: 4\r\n", "", Admitted::kUntried),
      ByBody("half of it", "Content-Length: 8\r\n", "half", Admitted::kUntried),
      ByBody("another expectation", "Expect: 200-ok\r\nContent-Length: 4\r\n", "body",
             Admitted::kRefused),
      ByBody("length and chunks", "Content-Length: 4\r\n" + chunked, "0\r\n\r\n",
             Admitted::kRefused),
      ByBody("two lengths", "Content-Length: 4\r\nContent-Length: 5\r\n", "body",
             Admitted::kRefused),
      ByBody("a length with a sign", "Content-Length: +4\r\n", "body", Admitted::kRefused),
      ByBody("another coding", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n", Admitted::kRefused),
      ByFields("a folded line", "X-A: b\r\n c\r\n", Admitted::kRefused),
  };
}

std::vector<Attempt> ByOtherFields() {
  const std::string preflight = "Origin: https://a.test\r\nAccess-Control-Request-Method: GET\r\n";
  std::vector<Attempt> attempts = {
      ByFields("WebSocket",
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
      ByFields("h2c",
               "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
               "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
      ByFields("other targets",
               "X-Original-URL: /out\r\nX-Rewrite-URL: /out\r\nX-Forwarded-Uri: /out\r\n"
               "X-Forwarded-Method: OPTIONS\r\n"),
      ByFields("other addresses",
               "X-Forwarded-For: 127.0.0.2\r\nForwarded: for=127.0.0.2\r\nX-Real-IP: 127.0.0.2\r\n"
               "True-Client-IP: 127.0.0.2\r\nX_Forwarded_For: 127.0.0.2\r\n"),
      ByFields("a certificate", "Client-Cert: :AA==:\r\nX-SSL-Client-Verify: SUCCESS\r\n"),
      ByFields("a part", "Range: bytes=0-0\r\nIf-None-Match: \"a\"\r\n"),
      ByFields("a large field", "X-Large: " + std::string(25'000, 'x') + "\r\n"),
      ByFields("a field that is too large", "X-Large: " + std::string(40'000, 'x') + "\r\n",
               Admitted::kRefused),
      ByFields("the end", "Connection: close\r\n"),
      ByFields("options", "Connection: authorization, cookie\r\n", Admitted::kUntried),
  };
  attempts.push_back({.name = "a preflight request",
                      .line = "OPTIONS /in HTTP/1.1",
                      .fields = std::string(kHost) + preflight});
  attempts.push_back(
      {.name = "behind another", .line = "GET /in HTTP/1.1", .behind_another = true});
  return attempts;
}

struct Http2Attempt {
  std::string_view name;
  Http2Request request;
  Admitted admitted = Admitted::kServed;
};

std::vector<Http2Attempt> OverHttp2() {
  const Http2Fields tunnel = {{":method", "CONNECT"},
                              {":protocol", "websocket"},
                              {":scheme", "http"},
                              {":path", "/in"},
                              {":authority", "test"}};
  const Http2Fields to_anywhere = {{":method", "CONNECT"}, {":authority", "test:80"}};
  return {
      {"GET", {.path = "/in"}},
      {"HEAD", {.path = "/in", .method = "HEAD"}},
      {"PURGE", {.path = "/in", .method = "PURGE"}},
      {"a body", {.path = "/in", .method = "POST", .body = "body"}},
      {"trailers", {.path = "/in", .method = "POST", .body = "body", .trailers = {{"x-sum", "1"}}}},
      {"a body that does not end",
       {.path = "/in", .method = "POST", .body = "body", .open = true},
       Admitted::kUntried},
      {"gRPC",
       {.path = "/in",
        .method = "POST",
        .fields = {{"content-type", "application/grpc"}, {"te", "trailers"}},
        .body = "\1\1\1\1\1"}},
      {"a tunnel", {.open = true, .pseudo_fields = tunnel}},
      {"a tunnel to anywhere", {.open = true, .pseudo_fields = to_anywhere}, Admitted::kRefused},
      {"an escape", {.path = "/%69n"}},
      {"two slashes", {.path = "//in"}},
      {"dots", {.path = "/x/../in"}},
      {"a parameter", {.path = "/in;x"}, Admitted::kRefused},
      {"an escaped slash", {.path = "/in%2fx"}, Admitted::kRefused},
      {"an escaped escape", {.path = "/%2569n"}, Admitted::kRefused},
      {"a whole URL", {.path = "http://test/in"}, Admitted::kRefused},
      {"the host in capitals", {.path = "/in", .authority = "TEST."}},
      {"the host escaped", {.path = "/in", .authority = "%74est"}, Admitted::kRefused},
      {"the host twice", {.path = "/in", .fields = {{"host", "test"}}}},
      {"another host", {.path = "/in", .fields = {{"host", "other"}}}, Admitted::kRefused},
      {"crumbs", {.path = "/in", .fields = {{"cookie", "a=1"}, {"cookie", "b=2"}}}},
      {"other addresses",
       {.path = "/in", .fields = {{"x-forwarded-for", "127.0.0.2"}, {"x-real-ip", "127.0.0.2"}}}},
      {"another length",
       {.path = "/in", .method = "POST", .fields = {{"content-length", "3"}}, .body = "longer"},
       Admitted::kUntried},
      {"a field of a connection",
       {.path = "/in", .fields = {{"connection", "authorization"}}},
       Admitted::kRefused},
  };
}

struct Guard {
  std::string keys;                  // of the route
  std::string condition = {};        // of its match
  Http2Fields credentials = {};      // of who may ask
  std::string admits = "127.0.0.1";  // where who may ask is; empty: nobody may
  bool counts = false;               // one request of each address may pass
};

class BypassGuardsTest : public testing::Test {
 protected:
  GatewayConfig Config(const Guard& guard) const {
    return {.endpoints = {service_.address()},
            .listener = "protocols: [h2, h1]",
            .routes = "- {name: in, match: {path_prefix: /in" + guard.condition +
                      "}, upstream: web, mirror: {upstream: shadow}, " + guard.keys + "}\n",
            .upstreams = "shadow: {endpoints: [\"" + shadow_.address() +
                         "\"]}\n"
                         "door: {endpoints: [\"" +
                         door_.address() + "\"]}\n"};
  }

  // Every attempt against this guard, by who may not ask and by who may.
  void Try(const Guard& guard) {
    GatewayProcess gateway(Config(guard));
    if (guard.counts) AskOnce(gateway);
    const int before = service_.requests();
    for (const std::vector<Attempt>& attempts :
         {ByRequestLine(), ByPathAndHost(), ByBodyAndFraming(), ByOtherFields()}) {
      for (const Attempt& attempt : attempts) Refuse(gateway, attempt);
    }
    for (const Http2Attempt& attempt : OverHttp2()) RefuseHttp2(gateway, attempt);
    CredentialsBehindTheHead(gateway, guard);
    // Whatever is under way has arrived before this.
    RawClient other(gateway.address());
    EXPECT_EQ(other.Get("/out").body, "served");
    EXPECT_EQ(service_.requests(), before + 1);
    EXPECT_EQ(gateway.Scrape().Value(kMirrored, {{"route", "in"}}), guard.counts ? 1 : 0);
    if (!guard.admits.empty()) AdmitAll(gateway, guard);
  }

  static std::string Lines(const Http2Fields& fields) {
    std::string lines;
    for (const auto& [name, value] : fields) lines += name + ": " + value + "\r\n";
    return lines;
  }

  TempDir dir_;
  // Lets in who has the cookie.
  AutoUpstream door_ = AutoUpstream([](const Message& request) {
    const bool known = request.Value("cookie").find("user=ann") != std::string::npos;
    return AutoUpstream::Reply{.bytes =
                                   known ? "HTTP/1.1 204 No Content\r\n\r\n"
                                         : "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"};
  });
  AutoUpstream shadow_ = AutoUpstream(&Answer);
  AutoUpstream service_ = AutoUpstream(&Answer);

 private:
  static AutoUpstream::Reply Answer(const Message& request) {
    return {.bytes = OkResponse(request.Method() == "HEAD" ? "" : "served")};
  }

  static Message Ask(RawClient client, const Attempt& attempt, const std::string& credentials) {
    const std::string text =
        attempt.line + "\r\n" + attempt.fields + credentials + "\r\n" + attempt.body;
    if (attempt.behind_another) {
      client.Send(GetRequest("/local") + text);
      EXPECT_EQ(client.Response().body, "local");
    } else {
      client.SendIfWanted(text);
    }
    return client.Response(attempt.line.substr(0, attempt.line.find(' ')));
  }
  // A call of gRPC has its status in a field.
  static bool IsRefused(int status, const std::string& grpc_status) {
    return status >= 400 || (status == 200 && !grpc_status.empty() && grpc_status != "0");
  }

  void AskOnce(const GatewayProcess& gateway) {
    RawClient client(gateway.address());
    EXPECT_EQ(client.Get("/in").body, "served");
    gateway.AwaitMetric(kMirrored, {{"route", "in"}, {"result", "answered"}}, 1);
  }

  void Refuse(const GatewayProcess& gateway, const Attempt& attempt) {
    SCOPED_TRACE(attempt.name);
    const int before = service_.requests();
    const Message answer = Ask(RawClient(gateway.address()), attempt, "");
    EXPECT_TRUE(IsRefused(answer.Status(), answer.Value("grpc-status"))) << answer.head;
    EXPECT_EQ(service_.requests(), before);
  }

  void RefuseHttp2(const GatewayProcess& gateway, const Http2Attempt& attempt) {
    SCOPED_TRACE(attempt.name);
    const int before = service_.requests();
    Http2Client client(gateway.address());
    const Http2Response answer = client.Await(client.Send(attempt.request));
    EXPECT_TRUE(answer.reset.has_value() || IsRefused(answer.Status(), answer.Value("grpc-status")))
        << answer.Status();
    EXPECT_EQ(service_.requests(), before);
  }

  // Where a service may take them for fields like any.
  void CredentialsBehindTheHead(const GatewayProcess& gateway, const Guard& guard) {
    Refuse(gateway, ByBody("credentials in the trailers", "Transfer-Encoding: chunked\r\n",
                           "1\r\nx\r\n0\r\n" + Lines(guard.credentials) + "\r\n"));
    Refuse(gateway, ByBody("credentials in the body", "Content-Length: 200\r\n",
                           (Lines(guard.credentials) + std::string(200, '\n')).substr(0, 200)));
  }

  // Who may ask shows that an attempt is a request like any other.
  void AdmitAll(const GatewayProcess& gateway, const Guard& guard) {
    int clients = 0;
    const auto address = [&] {
      return guard.counts ? "127.0.1." + std::to_string(++clients) : guard.admits;
    };
    for (const std::vector<Attempt>& attempts :
         {ByRequestLine(), ByPathAndHost(), ByBodyAndFraming(), ByOtherFields()}) {
      for (const Attempt& attempt : attempts) {
        SCOPED_TRACE(attempt.name);
        if (attempt.admitted == Admitted::kUntried) continue;
        const int before = service_.requests();
        RawClient client(gateway.address(), {.local_address = address()});
        const Message answer = Ask(std::move(client), attempt, Lines(guard.credentials));
        const bool served = attempt.admitted == Admitted::kServed;
        EXPECT_EQ(service_.requests() - before, served ? 1 : 0) << answer.head << answer.body;
      }
    }
    for (const Http2Attempt& attempt : OverHttp2()) {
      SCOPED_TRACE(attempt.name);
      if (attempt.admitted == Admitted::kUntried) continue;
      const int before = service_.requests();
      Http2Client client(Connect(gateway.address(), {.local_address = address()}),
                         Http2Client::Options{});
      Http2Request request = attempt.request;
      request.fields.insert(request.fields.end(), guard.credentials.begin(),
                            guard.credentials.end());
      const Http2Response answer = client.Await(client.Send(request));
      const bool served = attempt.admitted == Admitted::kServed;
      EXPECT_EQ(service_.requests() - before, served ? 1 : 0) << answer.Status() << answer.body;
    }
  }
};

TEST_F(BypassGuardsTest, NobodyPassesADenial) {
  Try({.keys = "deny: [127.0.0.1]", .admits = "127.0.0.2"});
}

TEST_F(BypassGuardsTest, NobodyPassesAListOfThoseAllowed) {
  Try({.keys = "allow: [127.0.0.2]", .admits = "127.0.0.2"});
}

TEST_F(BypassGuardsTest, NobodyPassesWithoutACertificate) {
  Try({.keys = "timeouts: {first_byte: 60s}",
       .condition = ", client_certificate: verified",
       .admits = ""});
}

// "ann:correct horse", by htpasswd -B with a cost of 4, and in base64.
TEST_F(BypassGuardsTest, NobodyPassesWithoutThePassword) {
  const std::string users =
      dir_.Write("users", "ann:$2y$04$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkai\n");
  Try({.keys = "basic_auth: {file: " + users + "}",
       .credentials = {{"authorization", "Basic YW5uOmNvcnJlY3QgaG9yc2U="}}});
}

TEST_F(BypassGuardsTest, NobodyPassesWithoutAToken) {
  const auto pair = pool::TestKeyPair::Make(pool::PublicKey::Kind::kP256);
  const std::string keys = dir_.Write("jwks.json", auth::JwksOf({auth::JwkOf(pair)}));
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const std::string token = auth::SignedToken(
      pair, pool::SignatureAlgorithm::kEs256, R"({"alg":"ES256"})",
      R"({"iss":"https://i.test","aud":"api","exp":)" + std::to_string(now.count() + 3600) + "}");
  Try({.keys = "jwt: {jwks: " + keys +
               ", issuer: \"https://i.test\", audience: api, algorithms: [ES256]}",
       .credentials = {{"authorization", "Bearer " + token}}});
}

TEST_F(BypassGuardsTest, NobodyPassesTheService) {
  Try({.keys = "forward_auth: {upstream: door, path: /verify}",
       .credentials = {{"cookie", "user=ann"}}});
}

TEST_F(BypassGuardsTest, NobodyPassesARateLimitThatIsUsedUp) {
  Try({.keys = "rate_limit: {requests: 1, per: 1h}", .counts = true});
}

// What the gateway answers without asking who it is says nothing of the service.
TEST_F(BypassGuardsTest, WhatIsAnsweredUnaskedReachesNobody) {
  GatewayProcess gateway(Config({.keys = "forward_auth: {upstream: door, path: /verify}, cors: "
                                         "{allow_origins: [\"https://a.test\"]}"}));
  RawClient client(gateway.address());
  const std::string asks = "OPTIONS /in HTTP/1.1\r\nHost: test\r\n";
  const std::string method = "Access-Control-Request-Method: GET\r\n";
  const std::string origin = "Origin: https://a.test\r\n";
  EXPECT_EQ(client.Exchange(asks + method + origin + "\r\n").Status(), 204);
  EXPECT_LT(client.Exchange(asks + "Max-Forwards: 0\r\n\r\n").Status(), 300);
  EXPECT_EQ(door_.requests(), 0);
  for (const std::string& fields :
       {std::string(), origin, method, method + origin + origin, method + method + origin,
        method + "Origin:\r\n", origin + "Access_Control_Request_Method: GET\r\n",
        std::string("Max-Forwards: 1\r\n")}) {
    EXPECT_EQ(client.Exchange(asks + fields + "\r\n").Status(), 403) << fields;
  }
  EXPECT_EQ(client.Get("/in", method + origin).Status(), 403) << "no OPTIONS";
  EXPECT_EQ(service_.requests(), 0);
  EXPECT_EQ(client.Get("/in", "Cookie: user=ann\r\n").body, "served");
}

}  // namespace
}  // namespace holdfast::support
