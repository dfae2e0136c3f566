#include "gateway/server/publisher.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/server/main_parts.h"
#include "tests/support/auto_upstream.h"

namespace holdfast::server {
namespace {

// A publisher of the test's own beside the parts, whose workers it makes.
class PublisherTest : public testing::Test {
 protected:
  static constexpr size_t kWorkers = 2;

  void SetUp() override {
    parts_.workers_.Create(kWorkers);
    parts_.workers_.Start();
  }

  void Publish(const std::string& text) {
    config::Config config = MainParts::Load(text);
    absl::StatusOr<BoundListeners> bound = parts_.listeners_.BindNew(config, kWorkers);
    ASSERT_TRUE(bound.ok()) << bound.status();
    parts_.listeners_.Adopt(config, &*bound, publisher_.next());
    publisher_.Publish(std::make_shared<const route::Snapshot>(std::move(config)), WorkerShares(),
                       {}, std::move(*bound));
  }
  std::string WithUpstream() const {
    return "listeners: [{name: edge, bind: '" + parts_.edge() +
           "'}]\nupstreams: {web: {endpoints: ['192.0.2.1:80']}}\nroutes: [{upstream: web}]\n";
  }
  static pool::EndpointSet SetOf(const std::string& address) {
    return {.endpoints = {{{.address = *pool::SocketAddress::Parse(address)}}}};
  }

  support::AutoUpstream one_{"one"};
  support::AutoUpstream two_{"two"};
  std::vector<uint64_t> adopted_;
  MainParts parts_;
  Publisher publisher_{&parts_.main_, &parts_.workers_,
                       [this](const std::string&) { return SetOf(one_.address()); },
                       [this](uint64_t publication) { adopted_.push_back(publication); }};
};

TEST_F(PublisherTest, EveryWorkerServesWhatIsPublished) {
  Publish(parts_.Text("first"));
  EXPECT_EQ(parts_.Body(), "first");
  Publish(parts_.Text("second"));
  ASSERT_TRUE(parts_.Await([&] { return adopted_.size() == 2; }));
  // Each of the two accepts on the one socket.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(parts_.Body(), "second");
  EXPECT_EQ(publisher_.config().routes.size(), 1u);
}

TEST_F(PublisherTest, APublicationIsAdoptedOnceAndByItsNumber) {
  EXPECT_EQ(publisher_.next(), 1u);
  Publish(parts_.Text("first"));
  EXPECT_TRUE(adopted_.empty()) << "never within a call";
  Publish(parts_.Text("second"));
  EXPECT_EQ(publisher_.next(), 3u);
  EXPECT_TRUE(parts_.Await([&] { return adopted_.size() == 2; }));
  EXPECT_EQ(adopted_, (std::vector<uint64_t>{1, 2}));
}

TEST_F(PublisherTest, OnceItIsAdoptedTheWorkersHaveClosedWhatWent) {
  Publish(parts_.Text("first"));
  std::string text = parts_.Text("second");
  text.replace(text.find(parts_.edge()), parts_.edge().size(), parts_.edge() + "2");
  Publish(text);
  ASSERT_TRUE(parts_.Await([&] { return adopted_.size() == 2; }));
  parts_.listeners_.OnAdopted(2);
  EXPECT_FALSE(parts_.Accepts());
}

TEST_F(PublisherTest, ASnapshotGoesWithItsEndpoints) {
  Publish(WithUpstream());
  EXPECT_EQ(parts_.Body(), "one");
}

TEST_F(PublisherTest, EndpointsComeAfterTheSnapshotThatNamesThem) {
  Publish(WithUpstream());
  publisher_.PublishEndpoints("web", SetOf(two_.address()));
  publisher_.PublishEndpoints("unknown", SetOf(two_.address()));
  EXPECT_TRUE(parts_.Await([&] { return parts_.Body() == "two"; }));
}

TEST_F(PublisherTest, ChallengesAreKnownOnceEveryWorkerAnswersThem) {
  Publish(parts_.Text("own"));
  auto challenges = std::make_shared<acme::Challenges>();
  challenges->tokens["abc"] = "abc.thumbprint";
  bool known = false;
  publisher_.PublishChallenges(challenges, [&] { known = true; });
  EXPECT_FALSE(known) << "never within a call";
  ASSERT_TRUE(parts_.Await([&] { return known; }));
  const auto answer = [&] {
    support::RawClient client(parts_.edge());
    return client.Get("/.well-known/acme-challenge/abc").body;
  };
  // Each of the two accepts on the one socket.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(answer(), "abc.thumbprint");
  publisher_.PublishChallenges(nullptr, nullptr);
  EXPECT_TRUE(parts_.Await([&] { return answer() == "own"; }));
}

}  // namespace
}  // namespace holdfast::server
