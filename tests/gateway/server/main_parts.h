#ifndef HOLDFAST_TESTS_GATEWAY_SERVER_MAIN_PARTS_H_
#define HOLDFAST_TESTS_GATEWAY_SERVER_MAIN_PARTS_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "gateway/server/configurator.h"
#include "pool/net/clock.h"
#include "tests/support/deadline.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {

// The parts of the main thread connected as the server does it, on the test's thread, with real
// workers. Listeners are UNIX sockets, whose addresses a test knows beforehand.
class MainParts {
 public:
  std::string edge() const { return "unix:" + dir_.Path("edge"); }
  std::string status() const { return "unix:" + dir_.Path("status"); }

  // `top` has more keys of the top level, each with its line's end.
  std::string Text(const std::string& body, const std::string& top = "status: off\n") const {
    return "workers: 2\n" + top + "listeners: [{name: edge, bind: '" + edge() +
           "'}]\nroutes: [{respond: {body: '" + body + "'}}]\n";
  }
  static config::Config Load(const std::string& text) {
    config::LoadResult loaded = config::LoadConfig(text, "test");
    EXPECT_TRUE(loaded.config.has_value()) << config::FormatDiagnostics(loaded.diagnostics);
    return loaded.config.value_or(config::Config{});
  }

  // Turns the main loop until `done`.
  [[nodiscard]] bool Await(const std::function<bool()>& done) {
    return support::Eventually([&] {
      main_.loop.RunOnce(pool::Duration::zero());
      return done();
    });
  }
  // What a new client is answered, for which the main loop need not turn.
  std::string Body() const {
    support::RawClient client(edge());
    return client.Get("/").body;
  }
  bool Accepts() const {
    bool in_progress = false;
    int error = 0;
    return pool::StartConnect(*pool::SocketAddress::Parse(edge()), &in_progress, &error).valid();
  }

  support::TempDir dir_;
  pool::SystemClock clock_;
  MainContext main_{.clock = &clock_};
  std::map<std::string, std::string> troubles_;  // the last cause, by upstream
  std::vector<std::string> wanted_;              // URLs of keys
  int empty_calls_ = 0;
  size_t exchanges_cut_ = 0;
  std::function<void(size_t)> on_empty_ = [this](size_t cut) {
    ++empty_calls_;
    exchanges_cut_ = cut;
  };
  UpstreamWatch upstreams_{&main_.loop, &main_.slabs,
                           [this](const std::string& name) { return workers_.RequestsOf(name); },
                           main_.shard,
                           [this](const std::string& name, const pool::EndpointSet& endpoints) {
                             configurator_.PublishEndpoints(name, endpoints);
                           }};
  ListenerSet listeners_{Inheritance()};
  Configurator configurator_{
      {.main = &main_, .workers = &workers_, .upstreams = &upstreams_, .listeners = &listeners_},
      [](std::string_view path) { return StatusReply{.body = "page " + std::string(path)}; }};
  WorkerSet workers_{
      &main_,
      {.on_empty = [this](size_t cut) { on_empty_(cut); },
       .on_trouble = [this](const std::string& upstream, const pool::SocketAddress&,
                            const std::string& cause) { troubles_[upstream] = cause; },
       .want_keys = [this](const std::string& url) { wanted_.push_back(url); },
       .series_grace = pool::Duration::zero()}};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_TESTS_GATEWAY_SERVER_MAIN_PARTS_H_
