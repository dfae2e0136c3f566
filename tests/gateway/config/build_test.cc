#include "gateway/config/build.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kRoutes = "routes: [{respond: {}}]\n";

std::string WithListeners(std::string_view listeners) {
  return std::string(kRoutes) + "listeners:\n" + std::string(listeners);
}

// One upstream "web" with these lines, indented by four, from line 4 on.
std::string WithUpstream(std::string_view lines) {
  return "listeners: [{bind: \"127.0.0.1:8080\"}]\n"
         "routes: [{upstream: web}]\n"
         "upstreams:\n"
         "  web:\n" +
         std::string(lines);
}

TEST(BuildListenerTest, ReadsEveryKey) {
  const Config config =
      Load(WithListeners("  - name: edge\n"
                         "    bind: 0.0.0.0:8080\n"
                         "    idle_timeout: 1s\n"
                         "    head_timeout: 2s\n"
                         "    body_timeout: 3s\n"
                         "    max_connection_age: 4s\n"
                         "    trusted_proxies: [10.0.0.0/8, \"::1\"]\n"
                         "    max_head_bytes: 16KiB\n"
                         "    max_header_fields: 50\n"
                         "    max_uri_bytes: 4KiB\n"
                         "    max_connections: 1000\n"));
  ASSERT_EQ(config.listeners.size(), 1u);
  const Listener& listener = config.listeners[0];
  EXPECT_EQ(listener.name, "edge");
  EXPECT_EQ(listener.bind.text, "0.0.0.0:8080");
  EXPECT_EQ(listener.bind.address.port(), 8080);
  EXPECT_EQ(listener.idle_timeout, seconds(1));
  EXPECT_EQ(listener.head_timeout, seconds(2));
  EXPECT_EQ(listener.body_timeout, seconds(3));
  EXPECT_EQ(listener.max_connection_age, seconds(4));
  ASSERT_EQ(listener.trusted_proxies.size(), 2u);
  EXPECT_EQ(listener.trusted_proxies[0], Cidr::Parse("10.0.0.0/8"));
  EXPECT_EQ(listener.max_head_bytes, 16u << 10);
  EXPECT_EQ(listener.max_header_fields, 50u);
  EXPECT_EQ(listener.max_uri_bytes, 4u << 10);
  EXPECT_EQ(listener.max_connections, 1000u);
}

TEST(BuildListenerTest, TakesOffAndAuto) {
  const Config config = Load(
      WithListeners("  - {bind: \":0\", idle_timeout: off, head_timeout: off, body_timeout: off,\n"
                    "     max_connection_age: off, max_connections: auto}\n"));
  EXPECT_EQ(config.listeners[0].idle_timeout, std::nullopt);
  EXPECT_EQ(config.listeners[0].head_timeout, std::nullopt);
  EXPECT_EQ(config.listeners[0].body_timeout, std::nullopt);
  EXPECT_EQ(config.listeners[0].max_connection_age, std::nullopt);
  EXPECT_EQ(config.listeners[0].max_connections, std::nullopt);
}

TEST(BuildListenerTest, IsNamedAfterItsBind) {
  EXPECT_EQ(Load(WithListeners("  - bind: 127.0.0.1:8080\n")).listeners[0].name, "127.0.0.1:8080");
}

TEST(BuildListenerTest, RefusesANameOrABindGivenTwice) {
  EXPECT_EQ(Complaints(WithListeners("  - {bind: \":1\", name: a}\n  - {bind: \":2\", name: a}\n")),
            "f.yaml:4:24: error: listener 'a' is defined twice; first at line 3\n"
            "    - {bind: \":2\", name: a}\n"
            "                         ^\n");
  EXPECT_EQ(Complaints(WithListeners("  - bind: :1\n  - bind: :1\n")),
            "f.yaml:4:11: error: ':1' is bound twice; first at line 3\n"
            "    - bind: :1\n"
            "            ^\n");
}

TEST(BuildListenerTest, SeveralMayAskForAnyPort) {
  EXPECT_EQ(Load(WithListeners("  - {name: a, bind: \":0\"}\n  - {name: b, bind: \":0\"}\n"))
                .listeners.size(),
            2u);
}

TEST(BuildListenerTest, TheUriIsPartOfTheHead) {
  EXPECT_EQ(Complaints(WithListeners("  - bind: :1\n    max_head_bytes: 2KiB\n"
                                     "    max_uri_bytes: 3KiB\n")),
            "f.yaml:5:20: error: max_uri_bytes is larger than max_head_bytes, of which the URI is "
            "a part\n"
            "      max_uri_bytes: 3KiB\n"
            "                     ^\n");
  EXPECT_TRUE(Complaints(WithListeners("  - bind: :1\n    max_head_bytes: 4KiB\n"))
                  .starts_with("f.yaml:3:5: error: max_uri_bytes is larger"));
}

TEST(BuildUpstreamTest, ReadsEveryKey) {
  const Config config = Load(
      WithUpstream("    endpoints: [\"web:80\", {address: \"10.0.0.7:8080\"}, \"unix:/run/web\"]\n"
                   "    balance: round_robin\n"
                   "    max_connections: 10\n"
                   "    max_idle: 5\n"
                   "    idle_timeout: 30s\n"
                   "    max_connection_age: 10m\n"
                   "    connect_timeout: 500ms\n"
                   "    queue: {size: 7, timeout: 9s}\n"));
  ASSERT_EQ(config.upstreams.size(), 1u);
  const Upstream& web = config.upstreams[0];
  EXPECT_EQ(web.name, "web");
  ASSERT_EQ(web.endpoints.size(), 3u);
  EXPECT_EQ(web.endpoints[0].host, "web");
  EXPECT_EQ(web.endpoints[1].text, "10.0.0.7:8080");
  EXPECT_TRUE(web.endpoints[2].literal);
  EXPECT_EQ(web.balance, Balance::kRoundRobin);
  EXPECT_EQ(web.max_connections, 10u);
  EXPECT_EQ(web.max_idle, 5u);
  EXPECT_FALSE(web.idle_timeout_auto);
  EXPECT_EQ(web.idle_timeout, seconds(30));
  EXPECT_EQ(web.max_connection_age, minutes(10));
  EXPECT_EQ(web.connect_timeout, milliseconds(500));
  EXPECT_EQ(web.queue.size, 7u);
  EXPECT_EQ(web.queue.timeout, seconds(9));
}

TEST(BuildUpstreamTest, TakesOffAndAuto) {
  const Upstream off = Load(WithUpstream("    endpoints: [\"web:80\"]\n    max_connections: off\n"
                                         "    idle_timeout: off\n    max_connection_age: off\n"))
                           .upstreams[0];
  EXPECT_EQ(off.max_connections, std::nullopt);
  EXPECT_FALSE(off.idle_timeout_auto);
  EXPECT_EQ(off.idle_timeout, std::nullopt);
  EXPECT_EQ(off.max_connection_age, std::nullopt);

  const Upstream automatic =
      Load(WithUpstream("    endpoints: [\"web:80\"]\n    idle_timeout: auto\n")).upstreams[0];
  EXPECT_TRUE(automatic.idle_timeout_auto);
  EXPECT_EQ(automatic.idle_timeout, seconds(4));
}

TEST(BuildUpstreamTest, RefusesAnEndpointGivenTwice) {
  EXPECT_EQ(Complaints(WithUpstream("    endpoints: [\"a:1\", {address: \"a:1\"}]\n")),
            "f.yaml:5:34: error: endpoint 'a:1' is given twice; first at line 5\n"
            "      endpoints: [\"a:1\", {address: \"a:1\"}]\n"
            "                                   ^\n");
}

TEST(BuildUpstreamTest, WarnsOfOneThatIsNotUsed) {
  EXPECT_EQ(Complaints(WithUpstream("    endpoints: [\"a:1\"]\n  spare: {endpoints: [\"b:1\"]}\n")),
            "f.yaml:6:3: warning: upstream 'spare' is used by no route\n"
            "    spare: {endpoints: [\"b:1\"]}\n"
            "    ^\n");
}

std::string WithFileKeys(std::string_view lines) {
  return WithListeners("  - bind: 127.0.0.1:8080\n") + std::string(lines);
}

TEST(BuildConfigTest, ReadsTheFilesOwnKeys) {
  const Config config = Load(WithFileKeys(
      "workers: 3\n"
      "status: {bind: 0.0.0.0:9999}\n"
      "access_log: {path: /var/log/access.log, format: json}\n"
      "drain: {delay: 1s, timeout: 2s}\n"
      "dns: {servers: [10.0.0.2, \"10.0.0.3:54\"], min_ttl: 2s, max_ttl: 20s, timeout: 1s, "
      "attempts: 4}\n"));
  EXPECT_EQ(config.workers, 3u);
  EXPECT_EQ(config.status->address.port(), 9999);
  EXPECT_EQ(config.access_log->target, AccessLog::Target::kFile);
  EXPECT_EQ(config.access_log->path, "/var/log/access.log");
  EXPECT_EQ(config.drain.delay, seconds(1));
  EXPECT_EQ(config.drain.timeout, seconds(2));
  ASSERT_EQ(config.dns.servers.size(), 2u);
  EXPECT_EQ(config.dns.servers[0].port(), 53);
  EXPECT_EQ(config.dns.servers[1].port(), 54);
  EXPECT_EQ(config.dns.min_ttl, seconds(2));
  EXPECT_EQ(config.dns.max_ttl, seconds(20));
  EXPECT_EQ(config.dns.timeout, seconds(1));
  EXPECT_EQ(config.dns.attempts, 4u);
}

TEST(BuildConfigTest, TakesAutoAndOff) {
  const Config config = Load(WithFileKeys("workers: auto\nstatus: off\naccess_log: off\n"));
  EXPECT_EQ(config.workers, std::nullopt);
  EXPECT_FALSE(config.status);
  EXPECT_FALSE(config.access_log);
}

TEST(BuildConfigTest, TheAccessLogGoesToAStreamOrAFile) {
  EXPECT_EQ(Load(WithFileKeys("access_log: {path: stderr}\n")).access_log->target,
            AccessLog::Target::kStderr);
  EXPECT_EQ(Load(WithFileKeys("access_log: {}\n")).access_log->target, AccessLog::Target::kStdout);
}

TEST(BuildConfigTest, TheStatusBindIsNoListenersBind) {
  EXPECT_EQ(Complaints(WithFileKeys("status: {bind: 127.0.0.1:8080}\n")),
            "f.yaml:4:16: error: '127.0.0.1:8080' is bound twice; first at line 3\n"
            "  status: {bind: 127.0.0.1:8080}\n"
            "                 ^\n");
  EXPECT_EQ(Complaints(WithListeners("  - bind: 127.0.0.1:9900\n")),
            "f.yaml:3:11: error: '127.0.0.1:9900' is where status listens unless it is given "
            "another bind\n"
            "    - bind: 127.0.0.1:9900\n"
            "            ^\n");
  EXPECT_EQ(Complaints(WithListeners("  - bind: 127.0.0.1:9900\nstatus: off\n")), "");
}

TEST(BuildConfigTest, TheTtlBoundsAreInOrder) {
  EXPECT_EQ(Complaints(WithFileKeys("dns: {min_ttl: 10s, max_ttl: 9s}\n")),
            "f.yaml:4:6: error: min_ttl is larger than max_ttl\n"
            "  dns: {min_ttl: 10s, max_ttl: 9s}\n"
            "       ^\n");
}

}  // namespace
}  // namespace holdfast::config
