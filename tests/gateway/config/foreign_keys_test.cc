#include "gateway/config/foreign_keys.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/config/schema.h"
#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

void CollectKeys(const Shape& shape, std::vector<std::string_view>* keys) {
  for (const Key& key : shape.keys) {
    keys->push_back(key.name);
    CollectKeys(*key.shape, keys);
  }
  if (shape.element != nullptr) CollectKeys(*shape.element, keys);
}

TEST(ForeignKeyTest, SaysWhatThereIsInstead) {
  EXPECT_EQ(ForeignKeyHint("safe_regex"),
            "see path_regex of a route's match, and regex of its headers and query (RE2's syntax)");
  EXPECT_EQ(ForeignKeyHint("SSL"),
            "see tls of a listener ({certificates: [{cert: FILE, key: FILE}]}) and tls of an "
            "upstream");
  EXPECT_EQ(ForeignKeyHint("letsencrypt"), "see acme of a listener's tls ({acme: {storage: DIR}})");
  EXPECT_EQ(ForeignKeyHint("rate-limits"),
            "see rate_limit of a route ({requests: 100, per: 1s}), max_connections and breakers");
  EXPECT_EQ(ForeignKeyHint("limit_conn"), "see max_connections_per_client of a listener");
  EXPECT_EQ(ForeignKeyHint("inFlightReq"),
            "see max_in_flight of a route, such as {requests: 100, queue: {timeout: 3s}}");
  EXPECT_EQ(
      ForeignKeyHint("send-proxy-v2"),
      "see proxy_protocol of a listener ({from: [192.0.2.0/24]}) and of an upstream (v1 or v2)");
  EXPECT_EQ(ForeignKeyHint("generate_request_id"), "see request_id of a listener (keep or create)");
  EXPECT_NE(ForeignKeyHint("zipkin").find("see tracing of the file"), std::string_view::npos);
  EXPECT_NE(ForeignKeyHint("set_real_ip_from").find("trusted_proxies"), std::string_view::npos);
  EXPECT_NE(ForeignKeyHint("so_keepalive").find("see tcp of"), std::string_view::npos);
  EXPECT_EQ(ForeignKeyHint("error_page"),
            "see error_pages of a listener ({404: FILE, 5xx: FILE}) and its errors");
  EXPECT_EQ(ForeignKeyHint("path_with_escaped_slashes_action"),
            "see path of a listener, such as {normalize: merge_slashes, encoded_slash: reject}");
  EXPECT_NE(ForeignKeyHint("auth_jwt").find("see jwt of a route"), std::string_view::npos);
  EXPECT_NE(ForeignKeyHint("proxy_request_buffering").find("see buffering of a route"),
            std::string_view::npos);
  EXPECT_EQ(ForeignKeyHint("proxy_pass"), "see upstream of a route, the name of one of upstreams");
}

TEST(ForeignKeyTest, KnowsNothingOfOtherWords) {
  for (const std::string_view word : {"", "listner", "endpoint", "path_prefx", "timeuot"}) {
    EXPECT_EQ(ForeignKeyHint(word), "") << word;
  }
}

// Those are asked about where they do not belong only.
TEST(ForeignKeyTest, FewKeysOfOursAreForeignElsewhere) {
  std::vector<std::string_view> keys;
  CollectKeys(FileShape(), &keys);
  for (const std::string_view key : keys) {
    const bool elsewhere = key == "upstreams" || key == "timeout" || key == "servers" ||
                           key == "client_ip" || key == "keepalive" || key == "port" ||
                           key == "http2" || key == "protocol" || key == "write_timeout" ||
                           key == "service" || key == "prefix" || key == "policy" ||
                           key == "tracing" || key == "shadow";
    EXPECT_EQ(!ForeignKeyHint(key).empty(), elsewhere) << key;
  }
}

TEST(ForeignKeyTest, TheLoaderSaysIt) {
  const std::string said = Complaints(
      WithRoutes("  - {match: {safe_regex: /a}, upstream: web, ssl: {}, upstreams: []}\n"));
  EXPECT_NE(said.find("unknown key 'safe_regex'; see path_regex of a route"), std::string::npos);
  EXPECT_NE(said.find("unknown key 'ssl'; see tls of a listener"), std::string::npos);
  EXPECT_NE(said.find("unknown key 'upstreams'; see split of a route"), std::string::npos);
  EXPECT_EQ(said.find("did you mean"), std::string::npos);
  EXPECT_EQ(said.find("expected one of name"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::config
