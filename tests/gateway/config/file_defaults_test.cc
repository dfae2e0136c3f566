#include "gateway/config/file_defaults.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

using std::chrono::seconds;

std::string File(const std::string& defaults, const std::string& route = "") {
  return "defaults:\n" + defaults +
         "listeners:\n"
         "  - {name: a, bind: \"127.0.0.1:1\"}\n"
         "  - {name: b, bind: \"127.0.0.1:2\", idle_timeout: 7s}\n"
         "upstreams:\n"
         "  web: {endpoints: [\"127.0.0.1:3\"]}\n"
         "routes:\n"
         "  - {match: {path: /a}, upstream: web" +
         route + "}\n  - {upstream: web}\n";
}

TEST(FileDefaultsTest, HoldForEachThatDoesNotSayIt) {
  const Config config =
      Load(File("  listeners: {idle_timeout: 5s}\n"
                "  upstreams: {connect_timeout: 9s}\n"
                "  routes: {max_request_body: 1KiB}\n",
                ", max_request_body: 2KiB"));
  EXPECT_EQ(config.listeners[0].idle_timeout, seconds(5));
  EXPECT_EQ(config.listeners[1].idle_timeout, seconds(7));
  EXPECT_EQ(config.upstreams[0].cluster.pool.connect_timeout, seconds(9));
  EXPECT_EQ(config.routes[0].max_request_body, 2048u);
  EXPECT_EQ(config.routes[1].max_request_body, 1024u);
}

TEST(FileDefaultsTest, MappingsAreMergedKeyByKey) {
  const Config config =
      Load(File("  routes: {timeouts: {first_byte: 1s, stall: 2s}}\n", ", timeouts: {stall: 3s}"));
  EXPECT_EQ(config.routes[0].timeouts.first_byte, seconds(1));
  EXPECT_EQ(config.routes[0].timeouts.stall, seconds(3));
  EXPECT_EQ(config.routes[1].timeouts.stall, seconds(2));
}

TEST(FileDefaultsTest, AListOrAWordIsTheItemsOwn) {
  const Config config =
      Load(File("  routes: {retry: {statuses: [500, 502]}}\n", ", retry: {statuses: [503]}"));
  EXPECT_EQ(config.routes[0].retry.statuses, std::vector<uint16_t>{503});
  EXPECT_EQ(config.routes[1].retry.statuses, (std::vector<uint16_t>{500, 502}));
}

TEST(FileDefaultsTest, WhatIsKeptOutByDefaultOnlyIsToldToWhoAsks) {
  const auto notes = [](const std::string& defaults, const std::string& route) {
    return FormatDiagnostics(LoadConfig(File(defaults, route), "f.yaml").notes);
  };
  const std::string removing = "  routes: {request_headers: {remove: [x-a, x-b]}}\n";
  EXPECT_NE(notes(removing, ", request_headers: {remove: [x-a]}")
                .find("note: remove takes the place of that of defaults, which has 'x-b'\n"),
            std::string::npos);
  EXPECT_EQ(notes(removing, ", request_headers: {remove: [x-b, x-c, x-a]}"), "");
  EXPECT_EQ(notes(removing, ", request_headers: {set: {x-c: d}}"), "");
  EXPECT_NE(notes("  routes: {deny: [192.0.2.0/24]}\n", ", deny: [198.51.100.0/24]")
                .find("note: deny takes the place"),
            std::string::npos);
}

TEST(FileDefaultsTest, WhatIsWrongIsSaidOnceAndWhereItStands) {
  EXPECT_EQ(Complaints(File("  routes: {timeouts: {first_byte: 1x}}\n")).find("f.yaml:2:35: error"),
            0u);
  const std::string unknown = Complaints(File("  routes: {timeoutz: {}}\n"));
  EXPECT_NE(unknown.find("unknown key 'timeoutz'; did you mean 'timeouts'?"), std::string::npos);
  EXPECT_EQ(unknown.find("error"), unknown.rfind("error"));
  EXPECT_NE(Complaints(File("  servers: {}\n")).find("unknown key 'servers'"), std::string::npos);
  EXPECT_NE(Complaints(File("  routes: [1]\n")).find("expected keys of a route"),
            std::string::npos);
}

// What is found out only when a whole item is looked at, too.
TEST(FileDefaultsTest, SoIsWhatEachItemWouldBeToldOf) {
  for (const std::string defaults :
       {"  routes: {request_headers: {set: {x-a: \"${nobody}\"}}}\n",
        "  routes: {rewrite: {path: /x, path_regex: {pattern: /y, to: /z}}}\n",
        "  routes: {cors: {allow_origins: [\"*\"], allow_credentials: true}}\n",
        "  routes: {forward_auth: {upstream: nobody}}\n",
        "  listeners: {client_ip: {from: x_real_ip}}\n"}) {
    const std::string said = Complaints(File(defaults));
    EXPECT_EQ(said.find("f.yaml:2:"), 0u) << said;
    EXPECT_EQ(said.find(": error: "), said.rfind(": error: ")) << said;
  }
}

// Defaults are for those that have a use for them, which need not be all.
TEST(FileDefaultsTest, OneThatAnItemHasNoUseForIsNoMatter) {
  const std::string respond = "  - {match: {path: /b}, respond: {}}\n";
  for (const std::string defaults :
       {"  routes: {timeouts: {first_byte: 10s}, retry: {attempts: 0}}\n",
        "  routes: {compression: {}, request_headers: {remove: [x-a]}}\n",
        "  listeners: {client_certificate_headers: rfc9440}\n"}) {
    EXPECT_EQ(Complaints(File(defaults) + respond), "") << defaults;
  }
  EXPECT_EQ(Complaints(File("  routes: {timeouts: {stall: 20s}}\n", ", timeouts: {total: 5s}")),
            "");
  const std::string idle =
      "defaults: {upstreams: {max_idle: 500}}\nlisteners: [{bind: \":1\"}]\n"
      "upstreams: {web: {endpoints: [\"127.0.0.1:3\"], max_connections: 9}}\n"
      "routes: [{upstream: web}]\n";
  EXPECT_EQ(Complaints(idle), "");
}

TEST(FileDefaultsTest, WhatAnItemSaysItselfIsStillLookedAt) {
  const auto warned = [](const std::string& text, std::string_view of) {
    const std::string said = Complaints(text);
    return said.find(": warning: " + std::string(of)) != said.npos;
  };
  const std::string defaults = "  routes: {timeouts: {first_byte: 10s}}\n";
  EXPECT_TRUE(
      warned(File(defaults) + "  - {match: {path: /b}, respond: {}, timeouts: {stall: 1s}}\n",
             "timeouts has no effect"));
  EXPECT_TRUE(
      warned(File(defaults, ", timeouts: {stall: 9s, total: 5s}"), "stall is never reached"));
  EXPECT_TRUE(warned(File("  routes: {timeouts: {first_byte: 10s, total: 5s}}\n"),
                     "first_byte is never reached"))
      << "defaults that do not go together";
  EXPECT_TRUE(warned(File("  upstreams: {max_idle: 5000}\n"), "max_idle is larger"))
      << "than what all have that do not say it";
}

TEST(FileDefaultsTest, KnowsWhichKeysMayBeDefaults) {
  const Shape& listener = *FindKey(FileShape(), "listeners")->shape->element;
  EXPECT_TRUE(MayBeDefault(listener, "tls"));
  EXPECT_FALSE(MayBeDefault(listener, "bind"));
  const Shape& route = *FindKey(FileShape(), "routes")->shape->element;
  EXPECT_TRUE(MayBeDefault(route, "jwt"));
  EXPECT_FALSE(MayBeDefault(route, "match"));
  EXPECT_FALSE(MayBeDefault(FileShape(), "tracing")) << "no item";
}

TEST(FileDefaultsTest, WhatMakesAnItemItselfIsNoDefault) {
  for (const std::string own :
       {"routes: {match: {path: /}}", "routes: {upstream: web}", "routes: {respond: {}}",
        "routes: {redirect: {to: /}}", "routes: {name: x}", "listeners: {bind: \":1\"}",
        "upstreams: {endpoints: [\"a:1\"]}"}) {
    EXPECT_NE(Complaints(File("  " + own + "\n")).find("is each one's own"), std::string::npos)
        << own;
  }
}

}  // namespace
}  // namespace holdfast::config
