// How listeners read paths: each spelling of a denied path, under each policy, over either
// protocol.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"

namespace holdfast::support {
namespace {

// Answers with the target that it was asked for.
AutoUpstream Echoing() {
  return AutoUpstream([](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.Target())};
  });
}

GatewayConfig Config(const std::string& endpoint) {
  return {
      .endpoints = {endpoint},
      .listener = "protocols: [h2, h1]",
      .routes =
          "- {match: {path_prefix: /admin}, respond: {status: 403, body: \"denied\"}}\n"
          "- {match: {path_prefix: /v1}, rewrite: {path_prefix: /new}, upstream: web}\n"
          "- {match: {path_regex: \"/x(.*)\"}, rewrite: {path_regex: {pattern: \"/x(.*)\", "
          "to: \"/y/\\\\1\"}}, upstream: web}\n",
      .listeners =
          "- {name: merging, bind: \"127.0.0.1:0\", path: {normalize: merge_slashes}}\n"
          "- {name: bytes, bind: \"127.0.0.1:0\", path: {normalize: off}}\n"
          "- {name: none, bind: \"127.0.0.1:0\", path: {encoded_slash: reject}}\n",
  };
}

// What a client is told: the target that the upstream got, or why there was none.
std::string Told(int status, const std::string& body) {
  if (status == 200) return body;
  if (status == 403) return "denied";
  const size_t reason = body.find("reason: ");
  if (status != 400 || reason == std::string::npos) return std::to_string(status) + " " + body;
  return body.substr(reason + 8, body.find('\n', reason) - reason - 8);
}

constexpr std::string_view kAmbiguous = "ambiguous_path";

struct Spelling {
  std::string_view target;
  std::string_view strict, merging, bytes, none;
};

constexpr Spelling kSpellings[] = {
    // Ordinary ones, and those that are somebody's own.
    {"/a/b?c=/../d//e", "/a/b?c=/../d//e", "/a/b?c=/../d//e", "/a/b?c=/../d//e", "/a/b?c=/../d//e"},
    {"/a%20b;v=1/c", "/a%20b;v=1/c", "/a%20b;v=1/c", "/a%20b;v=1/c", "/a%20b;v=1/c"},
    {"/a//b", "/a//b", "/a/b", "/a//b", "/a//b"},
    {"//a/b", "/a/b", "/a/b", "//a/b", "/a/b"},
    {"/a/../b", "/b", "/b", "/a/../b", "/b"},
    {"/group%2Fname", "/group%2Fname", "/group%2Fname", "/group%2Fname", "encoded_slash"},
    {"/group%252Fname", "/group%252Fname", "/group%252Fname", "/group%252Fname", "/group%252Fname"},
    {"/a%zz", kAmbiguous, kAmbiguous, "/a%zz", kAmbiguous},
    {"/a%00", kAmbiguous, kAmbiguous, "/a%00", kAmbiguous},
    // Aliases of what is denied.
    {"/admin", "denied", "denied", "denied", "denied"},
    {"/a/../admin/s", "denied", "denied", "/a/../admin/s", "denied"},
    {"/a/%2e%2E/admin/s", "denied", "denied", "/a/%2e%2E/admin/s", "denied"},
    {"/%61dmin/s", "denied", "denied", "/%61dmin/s", "denied"},
    {"//admin//s", "denied", "denied", "//admin//s", "denied"},
    {"/admin%2fs", kAmbiguous, kAmbiguous, "/admin%2fs", "encoded_slash"},
    {"/a%2F..%2Fadmin", kAmbiguous, kAmbiguous, "/a%2F..%2Fadmin", "encoded_slash"},
    {"/admin;a=1/s", kAmbiguous, kAmbiguous, "/admin;a=1/s", kAmbiguous},
    {"/a/..;/admin/s", kAmbiguous, kAmbiguous, "/a/..;/admin/s", kAmbiguous},
    {"/a\\..\\admin", kAmbiguous, kAmbiguous, "/a\\..\\admin", kAmbiguous},
    {"/admin%5Cs", kAmbiguous, kAmbiguous, "/admin%5Cs", kAmbiguous},
    {"/%2561dmin", kAmbiguous, kAmbiguous, "/%2561dmin", kAmbiguous},
    {"/admin%c0%afs", kAmbiguous, kAmbiguous, "/admin%c0%afs", kAmbiguous},
    // What rewrites make of paths.
    {"/v1/a//b", "/new/a//b", "/new/a/b", "/new/a//b", "/new/a//b"},
    {"/v1/a%2Fb", "/new/a%2Fb", "/new/a%2Fb", "/new/a%2Fb", "encoded_slash"},
    {"/v1/../a", "/a", "/a", "/new/../a", "/a"},
    {"/x/a", "/y//a", "/y/a", "/y//a", "/y//a"},
    {"/x..%2fadmin", kAmbiguous, kAmbiguous, "/y/..%2fadmin", "encoded_slash"},
    {"/x../admin", kAmbiguous, kAmbiguous, "/y/../admin", kAmbiguous},
};

class PathPolicyTest : public testing::Test {
 protected:
  AutoUpstream upstream_ = Echoing();
  GatewayProcess gateway_{Config(upstream_.address())};
};

TEST_F(PathPolicyTest, OverHttp1) {
  RawClient strict(gateway_.address("edge"));
  RawClient merging(gateway_.address("merging"));
  RawClient bytes(gateway_.address("bytes"));
  RawClient none(gateway_.address("none"));
  const auto ask = [](RawClient* client, std::string_view target) {
    const Message response =
        client->Exchange("GET " + std::string(target) + " HTTP/1.1\r\nHost: a.test\r\n\r\n");
    return Told(response.Status(), response.body);
  };
  for (const Spelling& spelling : kSpellings) {
    EXPECT_EQ(ask(&strict, spelling.target), spelling.strict) << spelling.target;
    EXPECT_EQ(ask(&merging, spelling.target), spelling.merging) << spelling.target;
    EXPECT_EQ(ask(&bytes, spelling.target), spelling.bytes) << spelling.target;
    EXPECT_EQ(ask(&none, spelling.target), spelling.none) << spelling.target;
  }
}

TEST_F(PathPolicyTest, OverHttp2) {
  Http2Client strict(gateway_.address("edge"));
  Http2Client merging(gateway_.address("merging"));
  Http2Client bytes(gateway_.address("bytes"));
  Http2Client none(gateway_.address("none"));
  const auto ask = [](Http2Client* client, std::string_view target) {
    const Http2Response response = client->Get(std::string(target));
    return Told(response.Status(), response.body);
  };
  for (const Spelling& spelling : kSpellings) {
    EXPECT_EQ(ask(&strict, spelling.target), spelling.strict) << spelling.target;
    EXPECT_EQ(ask(&merging, spelling.target), spelling.merging) << spelling.target;
    EXPECT_EQ(ask(&bytes, spelling.target), spelling.bytes) << spelling.target;
    EXPECT_EQ(ask(&none, spelling.target), spelling.none) << spelling.target;
  }
}

// A proxy's client names the host as well.
TEST_F(PathPolicyTest, AnAbsoluteTargetIsReadLikeAnyOther) {
  const auto ask = [this](std::string_view listener, std::string_view path) {
    RawClient client(gateway_.address(listener));
    const Message response = client.Exchange("GET http://a.test" + std::string(path) +
                                             " HTTP/1.1\r\nHost: a.test\r\n\r\n");
    return Told(response.Status(), response.body);
  };
  EXPECT_EQ(ask("merging", "/a//b"), "/a/b");
  EXPECT_EQ(ask("bytes", "/a/../admin"), "/a/../admin");
  EXPECT_EQ(ask("none", "/a%2fb"), "encoded_slash");
}

TEST_F(PathPolicyTest, AReloadGivesAListenerAnotherPolicy) {
  RawClient client(gateway_.address());
  EXPECT_EQ(client.Get("/a//b").body, "/a//b");
  GatewayConfig config = Config(upstream_.address());
  config.listener += ", path: {normalize: merge_slashes}";
  gateway_.Reload(config.Text());
  EXPECT_TRUE(Eventually([&] { return client.Get("/a//b").body == "/a/b"; }));
}

TEST_F(PathPolicyTest, AConnectionOutlivesARefusedPath) {
  RawClient client(gateway_.address("none"));
  EXPECT_EQ(client.Get("/a%2fb").Status(), 400);
  EXPECT_EQ(client.Get("/a%252fb").Status(), 200) << "the connection goes on";
}

TEST(PathPolicyRedirectTest, ARedirectStaysOnItsSiteByteForByte) {
  GatewayProcess gateway(
      GatewayConfig{.listener = "path: {normalize: off}",
                    .routes = "- {match: {path_prefix: /old/}, redirect: {to: /}}\n"});
  RawClient client(gateway.address());
  for (const std::string_view target :
       {"/old//evil.test", "/old/\\evil.test", "/old///\\//evil.test", "/old/evil.test"}) {
    const Message response = client.Get(target);
    EXPECT_EQ(response.Status(), 308) << target;
    EXPECT_EQ(response.Value("location"), "/evil.test") << target;
  }
}

}  // namespace
}  // namespace holdfast::support
