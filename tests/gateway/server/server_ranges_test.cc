// Every number that the configuration's schema allows is one that a server takes: at its lower and
// its upper end, each by itself, at the start and in a reload.

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/config/load.h"
#include "gateway/config/schema.h"
#include "gateway/config/units.h"
#include "gateway/server/server.h"
#include "pool/net/clock.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/metrics_scrape.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

using config::Shape;
using Json = nlohmann::json;
using Pointer = Json::json_pointer;

// One value in one place of the file.
struct Variant {
  Pointer place;
  std::string value;
};

std::string Written(const Shape& shape, int64_t number) {
  switch (shape.kind) {
    case Shape::Kind::kDuration: return config::FormatDuration(std::chrono::nanoseconds(number));
    case Shape::Kind::kSize: return config::FormatSize(static_cast<uint64_t>(number));
    case Shape::Kind::kPercent: return std::to_string(number) + "%";
    default: return std::to_string(number);
  }
}

bool IsNumber(const Shape& shape) {
  return shape.kind == Shape::Kind::kDuration || shape.kind == Shape::Kind::kSize ||
         shape.kind == Shape::Kind::kCount || shape.kind == Shape::Kind::kPercent;
}

// Of the routes of BaseFile, the one whose action has the key.
size_t RouteOf(std::string_view key) {
  if (key == "respond") return 1;
  return key == "redirect" ? 2 : 0;
}

void Collect(const Shape& shape, const Pointer& place, std::vector<Variant>* variants) {
  if (IsNumber(shape)) {
    variants->push_back({place, Written(shape, shape.min)});
    variants->push_back({place, Written(shape, shape.max)});
    for (const std::string_view word : shape.words) variants->push_back({place, std::string(word)});
  }
  const bool routes = place.to_string() == "/routes/0";
  for (const config::Key& key : shape.keys) {
    const Pointer parent = routes ? place.parent_pointer() / RouteOf(key.name) : place;
    Collect(*key.shape, parent / std::string(key.name), variants);
  }
  if (shape.kind == Shape::Kind::kList) Collect(*shape.element, place / 0, variants);
  if (shape.kind == Shape::Kind::kNamed) Collect(*shape.element, place / "web", variants);
}

class ServerRangesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { BlockSignals(); }

  std::string edge() const { return "unix:" + dir_.Path("edge"); }
  std::string status() const { return "unix:" + dir_.Path("status"); }

  Json BaseFile() const {
    return {{"workers", 1},
            {"status", {{"bind", status()}}},
            {"drain", {{"delay", "0s"}, {"timeout", "1s"}}},
            {"listeners", {{{"name", "edge"}, {"bind", edge()}}}},
            {"upstreams",
             {{"web",
               {{"endpoints", {{{"address", upstream_.address()}}}},
                {"health_check", Json::object()}}}}},
            {"routes",
             {{{"name", "web"}, {"upstream", "web"}},
              {{"match", {{"path", "/local"}}}, {"respond", Json::object()}},
              {{"match", {{"path", "/moved"}}}, {"redirect", {{"to", "/"}}}}}}};
  }

  // What a listener has to have besides a number in it.
  void AddRequired(Json* listener) const {
    if (listener->contains("proxy_protocol")) (*listener)["proxy_protocol"]["from"] = {"unix"};
    const auto tls = listener->find("tls");
    if (tls == listener->end()) return;
    Json& certificate = (*tls)["certificates"][0];
    certificate["cert"] = certificate_;
    certificate["key"] = key_;
    for (Json* place : {&*tls, &certificate}) {
      const auto auth = place->find("client_auth");
      if (auth != place->end()) (*auth)["ca"] = certificate_;
    }
  }

  // What a route has to have besides a number in it.
  void AddRequiredOfRoute(Json* route) const {
    const auto limit = route->find("rate_limit");
    if (limit != route->end() && !limit->contains("requests")) (*limit)["requests"] = "1";
    if (limit != route->end() && limit->contains("shared")) {
      (*limit)["shared"]["redis"] = "127.0.0.1:1";  // where nobody is
    }
    const auto in_flight = route->find("max_in_flight");
    if (in_flight != route->end() && !in_flight->contains("requests")) {
      (*in_flight)["requests"] = "1";
    }
    const auto auth = route->find("forward_auth");
    if (auth != route->end()) (*auth)["upstream"] = (*route)["upstream"];
    const auto mirror = route->find("mirror");
    if (mirror != route->end()) (*mirror)["upstream"] = (*route)["upstream"];
    const auto cors = route->find("cors");
    if (cors != route->end()) (*cors)["allow_origins"] = {"https://a.test"};
    if (route->contains("split")) {
      (*route)["split"][0]["upstream"] = "web";
      route->erase("upstream");
    }
    const auto jwt = route->find("jwt");
    if (jwt == route->end()) return;
    jwt->update({{"jwks", jwks_}, {"issuer", "i"}, {"audience", "a"}, {"algorithms", {"EdDSA"}}});
  }

  // JSON is YAML. nullopt where the loader finds that the value goes with no other one's default,
  // which it says.
  std::optional<std::string> TextWith(const Variant& variant) const {
    Json file = BaseFile();
    file[variant.place] = variant.value;
    AddRequired(&file["listeners"][0]);
    AddRequiredOfRoute(&file["routes"][0]);
    if (file.contains("tracing")) file["tracing"]["otlp"] = "http://127.0.0.1:1/v1/traces";
    if (Json& redirect = file["routes"][2]["redirect"]; redirect.contains("port")) {
      redirect["scheme"] = "https";
    }
    std::string text = file.dump();
    const config::LoadResult loaded = config::LoadConfig(text, "test");
    if (loaded.config.has_value()) return text;
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
      EXPECT_EQ(diagnostic.message.find("expected"), std::string::npos) << diagnostic.message;
    }
    return std::nullopt;
  }

  static std::vector<Variant> Variants() {
    std::vector<Variant> variants;
    Collect(config::FileShape(), Pointer(), &variants);
    return variants;
  }

  // A broken invariant ends the process: the last line names the culprit.
  static void Announce(const Variant& variant) {
    std::printf("%s: %s\n", variant.place.to_string().c_str(), variant.value.c_str());
    std::fflush(stdout);
  }

  // Whatever comes of it: limits of a millisecond or of one byte end some of them.
  void Exchange() const {
    support::RawClient client(edge());
    // Some of the shortest times are over before it is sent.
    client.SendIfWanted(support::GetRequest("/", "Connection: close\r\n"));
    support::StreamEnd end;
    client.ReadToEnd(&end);
  }

  support::TempDir dir_;
  const pool::Issued site_ = pool::SiteFor({"a.test"});
  const std::string certificate_ = dir_.Write("a.pem", site_.chain().pem);
  const std::string key_ = dir_.Write("a.key", site_.key_file().pem);
  // RFC 8037 appendix A.2.
  const std::string jwks_ =
      dir_.Write("jwks.json", R"({"keys":[{"kty":"OKP","crv":"Ed25519",)"
                              R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
  support::AutoUpstream upstream_;
};

TEST_F(ServerRangesTest, TheTableHasEveryNumber) {
  std::vector<std::string> places;
  for (const Variant& variant : Variants()) places.push_back(variant.place.to_string());
  for (const char* place :
       {"/workers", "/dns/min_ttl", "/drain/delay", "/listeners/0/max_uri_bytes",
        "/upstreams/web/outlier/max_ejected", "/upstreams/web/endpoints/0/weight",
        "/upstreams/web/breakers/pending", "/listeners/0/tls/handshake_timeout",
        "/listeners/0/tls/session_tickets/rotate", "/routes/2/redirect/port",
        "/routes/0/retry/backoff", "/routes/1/respond/status"}) {
    EXPECT_NE(std::ranges::find(places, place), places.end()) << place;
  }
}

TEST_F(ServerRangesTest, AServerStartsWithEachOfThem) {
  for (const Variant& variant : Variants()) {
    const std::optional<std::string> text = TextWith(variant);
    if (!text.has_value()) continue;
    Announce(variant);
    const pool::SystemClock clock;
    Server server(&clock, {.version = "1"});
    const absl::Status status = server.Start(*config::LoadConfig(*text, "test").config);
    // What a machine has too little of is said.
    if (!status.ok()) {
      EXPECT_NE(status.message().find("descriptor limit"), absl::string_view::npos) << status;
      continue;
    }
    Exchange();
  }
}

TEST_F(ServerRangesTest, AReloadTakesEachOfThem) {
  const std::string base = BaseFile().dump();
  const std::string path = dir_.Write("config.yaml", base);
  std::promise<absl::Status> started;
  std::thread thread([&] {
    const pool::SystemClock clock;
    Server server(&clock, {.config_path = path, .version = "1"});
    const absl::Status status = server.Start(*config::LoadConfig(base, "test").config);
    started.set_value(status);
    if (status.ok()) server.Run();
  });
  ASSERT_TRUE(started.get_future().get().ok());
  const auto reloads = [&] {
    support::RawClient client(status());
    const support::MetricsScrape scrape(client.Get("/metrics", "Connection: close\r\n").body);
    return scrape.Value("holdfast_config_reloads_total", {{"result", "success"}}) +
           scrape.Value("holdfast_config_reloads_total", {{"result", "failure"}});
  };
  double before = reloads();
  for (const Variant& variant : Variants()) {
    const std::optional<std::string> text = TextWith(variant);
    if (!text.has_value()) continue;
    Announce(variant);
    dir_.Write("config.yaml", *text);
    ASSERT_EQ(kill(getpid(), SIGHUP), 0);
    ASSERT_TRUE(support::Eventually([&] { return reloads() > before; }));
    before = reloads();
    Exchange();
  }
  dir_.Write("config.yaml", base);
  ASSERT_EQ(kill(getpid(), SIGHUP), 0);
  ASSERT_TRUE(support::Eventually([&] { return reloads() > before; }));
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  thread.join();
}

}  // namespace
}  // namespace holdfast::server
