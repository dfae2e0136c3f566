#include "gateway/config/load.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"
#include "tests/support/temp_dir.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kTenLines =
    "listeners:\n"
    "  - bind: 0.0.0.0:8080\n"
    "upstreams:\n"
    "  web:\n"
    "    endpoints: [\"web.default.svc:80\"]\n"
    "routes:\n"
    "  - match: {path_prefix: /}\n"
    "    upstream: web\n";

constexpr std::string_view kManyKeys = R"(
workers: auto                        # or a number
status: {bind: 127.0.0.1:9900}       # or off
access_log: off                      # or {path: stdout, format: json}
listeners:
  - name: edge
    bind: 0.0.0.0:8080
    idle_timeout: 75s
    head_timeout: 10s
    body_timeout: 30s                # no progress on a request body
    max_connection_age: 1h           # every limit takes `off`
    trusted_proxies: [10.0.0.0/8]
upstreams:
  web:
    endpoints: ["web.default.svc:80", {address: 10.0.0.7:8080, weight: 2}]
    balance: least_request
    max_connections: 512             # per endpoint, whole process
    max_idle: 512
    idle_timeout: auto               # learned; or a duration
    connect_timeout: 2s
    queue: {size: 1024, timeout: 3s}
    health_check: {path: /healthz, interval: 5s, status: 200-299}
    outlier: {consecutive_errors: 5, max_ejected: 50%}
    breakers: {requests: 100, retries: off}
    retry_budget: {percent: 20%, min: 3}
  carts:
    endpoints: [{srv: _http._tcp.carts.svc}, {address: "carts:80", backup: true}]
    balance: ring_hash
    hash: {cookie: session}
routes:
  - name: api
    match: {hosts: [api.example.com, "*.api.example.com"], path_prefix: /v1/, methods: [GET]}
    upstream: web
    timeouts: {first_byte: 30s, stall: 60s, total: off}
    retry: {attempts: 1, on: [connect_failure], statuses: [503]}
  - {match: {path_prefix: /cart/}, upstream: carts}
  - match: {path: /hello}
    respond: {status: 200, body: "hello\n", headers: {content-type: text/plain}}
  - match: {path_prefix: /old/}
    redirect: {status: 308, to: /new/}
)";

TEST(LoadConfigTest, TenLinesAreEnough) {
  const Config config = Load(kTenLines);
  ASSERT_EQ(config.listeners.size(), 1u);
  ASSERT_EQ(config.upstreams.size(), 1u);
  ASSERT_EQ(config.routes.size(), 1u);
  EXPECT_EQ(config.routes[0].upstream, 0u);
}

TEST(LoadConfigTest, TheLongExampleLoads) {
  const Config config = Load(kManyKeys);
  ASSERT_EQ(config.routes.size(), 4u);
  EXPECT_EQ(config.routes[0].name, "api");
  EXPECT_EQ(config.routes[1].name, "route-2");
  EXPECT_EQ(config.routes[3].action, Action::kRedirect);
  EXPECT_EQ(config.routes[3].index, 3u);
}

TEST(LoadConfigTest, JsonIsYaml) {
  const Config config = Load(
      R"({"listeners": [{"bind": "127.0.0.1:8080"}], "routes": [{"respond": {"status": 204}}]})");
  EXPECT_EQ(config.routes[0].respond.status, 204);
}

TEST(LoadConfigTest, AnEmptyFileSaysWhatIsExpected) {
  constexpr std::string_view kExpected =
      "f.yaml: error: the file is empty; expected a mapping with the keys listeners and routes\n";
  EXPECT_EQ(Complaints(""), kExpected);
  EXPECT_EQ(Complaints("# nothing yet\n"), kExpected);
}

TEST(LoadConfigTest, TheFileIsAMapping) {
  EXPECT_EQ(Complaints("hello\n"),
            "f.yaml:1:1: error: expected a mapping with the keys listeners and routes; found "
            "'hello'\n  hello\n  ^\n");
  EXPECT_EQ(Complaints("- a\n"),
            "f.yaml:1:1: error: expected a mapping with the keys listeners and routes; found a "
            "list\n  - a\n  ^\n");
}

TEST(LoadConfigTest, ListenersAndRoutesAreNeeded) {
  EXPECT_EQ(Complaints("workers: 2\n"),
            "f.yaml:1:1: error: key 'listeners' is missing; expected a mapping with the keys "
            "listeners and routes\n  workers: 2\n  ^\n"
            "f.yaml:1:1: error: key 'routes' is missing; expected a mapping with the keys "
            "listeners and routes\n  workers: 2\n  ^\n");
  EXPECT_EQ(Complaints("listeners: []\nroutes: []\n"),
            "f.yaml:1:12: error: expected a list of 1 to 64 listeners; found an empty list\n"
            "  listeners: []\n             ^\n"
            "f.yaml:2:9: error: expected a list of 1 to 10000 routes; found an empty list\n"
            "  routes: []\n          ^\n");
}

TEST(LoadConfigTest, ReportsShapesAndMeaningsTogetherInTheFilesOrder) {
  EXPECT_EQ(Complaints("listeners:\n"
                       "  - bnid: 0.0.0.0:8080\n"
                       "    idle_timeout: 10 apples\n"
                       "upstreams:\n"
                       "  web: {endpoints: [web]}\n"
                       "routes:\n"
                       "  - upstream: wbe\n"),
            "f.yaml:2:5: error: unknown key 'bnid'; did you mean 'bind'?\n"
            "    - bnid: 0.0.0.0:8080\n"
            "      ^\n"
            "f.yaml:2:5: error: key 'bind' is missing; expected a listener such as {bind: "
            "0.0.0.0:8080}\n"
            "    - bnid: 0.0.0.0:8080\n"
            "      ^\n"
            "f.yaml:3:19: error: expected a duration such as 250ms, 5s or 1h, from 1ms to 30d, or "
            "off; found '10 apples'\n"
            "      idle_timeout: 10 apples\n"
            "                    ^\n"
            "f.yaml:5:21: error: expected host:port such as web:8080, 192.0.2.7:8080 or "
            "[::1]:8080, or unix:/path; found 'web'\n"
            "    web: {endpoints: [web]}\n"
            "                      ^\n"
            "f.yaml:7:15: error: upstream 'wbe' is not defined; did you mean 'web'?\n"
            "    - upstream: wbe\n"
            "                ^\n");
}

TEST(LoadConfigTest, KeysOfLaterReleasesAreUnknown) {
  for (const char* key : {"admin: off", "tls: {}", "rate_limit: 1", "http3: {}"}) {
    const std::string text = std::string(kTenLines) + key + "\n";
    EXPECT_NE(Complaints(text).find("f.yaml:9:1: error: unknown key"), std::string::npos) << key;
  }
}

TEST(LoadConfigTest, ShowsTwentyErrors) {
  std::string text = "routes:\n";
  for (int i = 0; i < 30; ++i) text += "  - upstream: nowhere\n";
  const LoadResult result = LoadConfig(text, "f.yaml");
  EXPECT_FALSE(result.config);
  ASSERT_EQ(result.diagnostics.size(), 21u);
  EXPECT_EQ(result.diagnostics.back().message, "errors not shown: 11");
}

TEST(LoadConfigTest, TenThousandRoutesWithNamesAndHostsLoad) {
  std::string text =
      "listeners: [{bind: \":1\"}]\nupstreams: {web: {endpoints: [\"web:80\"]}}\nroutes:\n";
  for (int i = 1; i <= 10'000; ++i) {
    const std::string number = std::to_string(i);
    text += "  - {name: service-" + number + ", match: {hosts: [service-" + number +
            ".example.com, www.service-" + number +
            ".example.com], path_prefix: /v1/, methods: [GET, POST]}, upstream: web, "
            "timeouts: {total: 5s}}\n";
  }
  EXPECT_EQ(Load(text).routes.size(), 10'000u);
}

TEST(LoadConfigTest, TheTextNeedNotEndWithALineEnd) {
  const std::string_view text = kTenLines.substr(0, kTenLines.size() - 1);
  Load(text);
  // Nothing behind the view is read: an exact copy on the heap shows it to the sanitizers.
  const std::vector<char> copy(text.begin(), text.end());
  Load({copy.data(), copy.size()});
}

// Bytes of a valid file, each replaced, removed or doubled in turn: the loader answers, and a
// result without a config has an error.
TEST(LoadConfigTest, SurvivesDamagedFiles) {
  std::mt19937 random(7);
  const std::string_view junk =
      "{}[]:,-#&*!|>'\"%@`?\n\t \\~\x01\x80\xff\xc3\xa9"
      "0a";
  for (size_t at = 0; at < kManyKeys.size(); ++at) {
    std::string text(kManyKeys);
    switch (random() % 3) {
      case 0: text[at] = junk[random() % junk.size()]; break;
      case 1: text.erase(at, 1 + random() % 8); break;
      default: text.insert(at, 1 + random() % 3, junk[random() % junk.size()]); break;
    }
    Complaints(text);
    Complaints(std::string_view(kManyKeys).substr(0, at));
  }
}

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text)
      : path_(testing::TempDir() + "/load_test." + std::to_string(getpid()) + ".yaml") {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(LoadConfigFileTest, ReadsAFile) {
  const TemporaryFile file(kTenLines);
  EXPECT_TRUE(LoadConfigFile(file.path()).config);
}

TEST(LoadConfigFileTest, ReadsThoseThatItIncludes) {
  const support::TempDir dir;
  dir.Write("part.yaml", "routes: [{match: {path: /a}, respond: {}}]\n");
  const LoadResult result =
      LoadConfigFile(dir.Write("main.yaml", std::string(kTenLines) + "include: p*.yaml\n"));
  ASSERT_TRUE(result.config) << FormatDiagnostics(result.diagnostics);
  EXPECT_EQ(result.config->routes.size(), 2u);
}

TEST(LoadConfigFileTest, NamesTheFileInItsErrors) {
  const TemporaryFile file("workers: 0\n");
  const LoadResult result = LoadConfigFile(file.path());
  EXPECT_FALSE(result.config);
  EXPECT_EQ(result.diagnostics.at(0).file, file.path());
}

TEST(LoadConfigFileTest, RefusesALargeFile) {
  const TemporaryFile file(std::string((16 << 20) + 10, '#'));
  EXPECT_EQ(FormatDiagnostics(LoadConfigFile(file.path()).diagnostics),
            file.path() + ": error: the file is too large; at most 16777216 bytes\n");
}

TEST(LoadConfigFileTest, AFileThatCannotBeReadIsOneError) {
  EXPECT_EQ(FormatDiagnostics(LoadConfigFile("/nonexistent/f.yaml").diagnostics),
            "/nonexistent/f.yaml: error: cannot be read: No such file or directory\n");
  EXPECT_EQ(FormatDiagnostics(LoadConfigFile("/").diagnostics),
            "/: error: cannot be read: Is a directory\n");
}

// Every duty of a route beside the others, in the words that people know.
TEST(LoadConfigTest, OneRouteMayHaveThemAll) {
  const std::string_view text = R"yaml(
defaults:
  routes: {timeouts: {first_byte: 10s}}
listeners:
  - bind: 0.0.0.0:8080
    max_connections_per_client: 100
    path: {normalize: strict}
upstreams:
  v1: {endpoints: ["192.0.2.1:80"], host: keep}
  v2: {endpoints: ["192.0.2.2:80"]}
routes:
  - match:
      path_regex: "/users/([0-9]+)"
      methods: [GET, PROPFIND]
      headers: {x-version: {exact: "2"}, x-debug: {present: true}}
      query: {beta: {prefix: "y"}}
      clients: [192.0.2.0/24]
    split: [{upstream: v1, weight: 9}, {upstream: v2, weight: 1}]
    rewrite: {path_regex: {pattern: "/users/([0-9]+)", to: "/u/\\1"}, host: internal.example}
    request_headers: {set: {x-client: "${client_ip}"}, add: {}, remove: [x-secret]}
    response_headers: {set_if_missing: {cache-control: no-store}}
    rate_limit: {requests: 10, per: 1s, burst: 5, key: client}
    allow: [192.0.2.0/24]
    deny: [192.0.2.66/32]
    basic_auth: {file: /etc/holdfast/users.htpasswd}
    compression: {algorithms: [zstd, br, gzip], min_size: 1KiB, types: [text/*, application/json]}
    max_request_body: 1MiB
)yaml";
  EXPECT_EQ(Complaints(text), "");
  const Route route = Load(text).routes.at(0);
  EXPECT_EQ(route.timeouts.first_byte, std::chrono::seconds(10));
  EXPECT_EQ(route.split.size(), 2u);
  EXPECT_EQ(route.rewrite.path_regex->to, "/u/\\1");
  EXPECT_EQ(route.compression->algorithms.size(), 3u);
  EXPECT_EQ(route.match.conditions(), 4u);
}

}  // namespace
}  // namespace holdfast::config
