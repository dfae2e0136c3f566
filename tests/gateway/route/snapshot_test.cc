#include "gateway/route/snapshot.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::route {
namespace {

config::Config OneRoute(std::string path) {
  config::Config config;
  config.listeners.push_back({.name = "edge"});
  config::Route route;
  route.name = "only";
  route.match.path = std::move(path);
  route.action = config::Action::kRespond;
  config.routes.push_back(std::move(route));
  return config;
}

TEST(SnapshotTest, ItsRoutesAreThoseOfItsConfiguration) {
  const Snapshot snapshot(OneRoute("/a"));
  Miss miss;
  const Route* route = snapshot.routes().Match(0, "host", "/a", {}, &miss);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->name, snapshot.config().routes[0].name);
  EXPECT_EQ(snapshot.routes().Match(0, "host", "/b", {}, &miss), nullptr);
}

TEST(SnapshotTest, KnowsWhatNoClientMaySayOfItself) {
  config::Config config = OneRoute("/a");
  EXPECT_TRUE(Snapshot(config).identity_fields().empty());
  config.listeners[0].client_certificate_headers =
      config::ClientCertificateHeaders{.subject = "X-Subject"};
  EXPECT_EQ(Snapshot(config).identity_fields(), std::vector<std::string>{"X-Subject"});
}

TEST(SnapshotTest, ASecretIsHandedOn) {
  const Snapshot first(OneRoute("/a"));
  const Snapshot stranger(OneRoute("/a"));
  EXPECT_NE(first.process_key(), stranger.process_key());
  EXPECT_EQ(Snapshot(OneRoute("/b"), {}, &first).process_key(), first.process_key());
  const pool::KeyedDigest::Key key = stranger.process_key();
  EXPECT_EQ(Snapshot(OneRoute("/b"), {}, nullptr, &key).process_key(), key);
  EXPECT_EQ(Snapshot(OneRoute("/b"), {}, &first, &key).process_key(), first.process_key())
      << "a reload keeps it";
}

TEST(SnapshotTest, EachHasRoutesOfItsOwn) {
  const Snapshot old_one(OneRoute("/old"));
  const Snapshot new_one(OneRoute("/new"));
  Miss miss;
  EXPECT_NE(old_one.routes().Match(0, "", "/old", {}, &miss), nullptr);
  EXPECT_EQ(new_one.routes().Match(0, "", "/old", {}, &miss), nullptr);
}

}  // namespace
}  // namespace holdfast::route
