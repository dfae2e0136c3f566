#include "gateway/server/worker_set.h"

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/auth/key_set.h"
#include "gateway/route/key_files.h"
#include "tests/gateway/server/main_parts.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::server {
namespace {

class WorkerSetTest : public testing::Test {
 protected:
  void Start(const std::string& text) {
    const absl::Status status = parts_.configurator_.Start(MainParts::Load(text));
    ASSERT_TRUE(status.ok()) << status;
  }
  // With one endpoint, which never answers or never lets in.
  static std::string WithUpstream(const std::string& edge, const std::string& upstream) {
    return "workers: 2\nstatus: off\nlisteners: [{name: edge, bind: '" + edge +
           "'}]\nupstreams: {web: {endpoints: ['" + upstream +
           "'], outlier: {consecutive_errors: 1}}}\nroutes: [{upstream: web}]\n";
  }

  MainParts parts_;
  WorkerSet& workers_ = parts_.workers_;
};

TEST_F(WorkerSetTest, MailReachesEachWorkerOnItsOwnThread) {
  Start(parts_.Text("hello"));
  ASSERT_EQ(workers_.size(), 2u);
  std::set<std::thread::id> threads;
  workers_.MailAll([&](Worker&) {
    parts_.main_.mailbox.Post([&, id = std::this_thread::get_id()] { threads.insert(id); });
  });
  EXPECT_TRUE(parts_.Await([&] { return threads.size() == 2; }));
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST_F(WorkerSetTest, MailThatComesBeforeTheStartWaitsForIt) {
  ASSERT_TRUE(workers_.Create(1).ok());
  bool ran = false;
  workers_.Mail(0, [&](Worker&) { parts_.main_.mailbox.Post([&] { ran = true; }); });
  EXPECT_FALSE(ran);
  workers_.Start();
  EXPECT_TRUE(parts_.Await([&] { return ran; }));
}

TEST_F(WorkerSetTest, WorkersThatWereNeverStartedEnd) { EXPECT_TRUE(workers_.Create(3).ok()); }

TEST_F(WorkerSetTest, TheyAreEmptyOnceAndWhenTheLastOneIs) {
  Start(parts_.Text("hello"));
  workers_.Mail(0, [](Worker& worker) { worker.StopAccepting(); });
  support::RawClient client(parts_.edge());
  EXPECT_EQ(client.Get("/").body, "hello");
  EXPECT_EQ(parts_.empty_calls_, 0);
  workers_.Mail(1, [](Worker& worker) { worker.StopAccepting(); });
  EXPECT_TRUE(parts_.Await([&] { return parts_.empty_calls_ == 1; }));
  EXPECT_EQ(parts_.exchanges_cut_, 0u);
}

TEST_F(WorkerSetTest, WhatIsCutOffIsAddedUp) {
  support::ScriptedUpstream upstream;
  Start(WithUpstream(parts_.edge(), upstream.address()));
  support::RawClient client(parts_.edge());
  client.Send(support::GetRequest("/"));
  support::UpstreamConnection connection = upstream.Accept();
  connection.Request();
  EXPECT_GE(workers_.RequestsOf("web"), 1u);
  workers_.MailAll([](Worker& worker) {
    worker.StopAccepting();
    worker.CutAll();
  });
  EXPECT_TRUE(parts_.Await([&] { return parts_.empty_calls_ == 1; }));
  EXPECT_EQ(parts_.exchanges_cut_, 1u);
}

TEST_F(WorkerSetTest, TroubleAtAnEndpointIsToldToTheMainThread) {
  Start(WithUpstream(parts_.edge(), "unix:" + parts_.dir_.Path("nobody")));
  support::RawClient client(parts_.edge());
  EXPECT_EQ(client.Get("/").Status(), 502);
  EXPECT_TRUE(parts_.Await([&] { return parts_.troubles_.contains("web"); }));
}

TEST_F(WorkerSetTest, AnUnknownKeyIsToldToTheMainThread) {
  const auto keys = auth::KeySet::Parse(R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one",)"
                                        R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
  std::string text = parts_.Text("hello");
  text.insert(text.find("respond"),
              "jwt: {jwks: \"https://i.test/k\", issuer: i, audience: a, "
              "algorithms: [EdDSA]}, ");
  config::Config config = MainParts::Load(text);
  route::GiveKeys(std::make_shared<const auth::KeySet>(*keys), &*config.routes[0].jwt);
  ASSERT_TRUE(parts_.configurator_.Start(std::move(config)).ok());
  support::RawClient client(parts_.edge());
  // {"alg":"EdDSA","kid":"two"}
  EXPECT_EQ(client.Get("/", "Authorization: Bearer eyJhbGciOiJFZERTQSIsImtpZCI6InR3byJ9.e30.AA\r\n")
                .Status(),
            401);
  EXPECT_TRUE(parts_.Await([&] { return !parts_.wanted_.empty(); }));
  EXPECT_EQ(parts_.wanted_, std::vector<std::string>{"https://i.test/k"});
}

TEST_F(WorkerSetTest, BeforeThereAreWorkersThereAreNoRequests) {
  EXPECT_EQ(workers_.RequestsOf("web"), 0u);
  metrics::Sums sums;
  workers_.AddTo(sums);
  EXPECT_TRUE(workers_.logs().Reopen().ok());
}

TEST_F(WorkerSetTest, TheirLinesAreWrittenAndTheLastOnesBeforeItEnds) {
  const std::string path = parts_.dir_.Path("access.log");
  {
    MainParts parts;
    const absl::Status status = parts.configurator_.Start(
        MainParts::Load(parts.Text("hello", "status: off\naccess_log: {path: '" + path + "'}\n")));
    ASSERT_TRUE(status.ok()) << status;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(parts.Body(), "hello");
  }
  const std::string log = support::ReadFile(path);
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3);
}

TEST_F(WorkerSetTest, AllIsWellWhileTheyAnswer) {
  Start(parts_.Text("hello"));
  EXPECT_EQ(workers_.Trouble(), "");
}

// The beat: each second the workers' counts are brought into the metrics.
TEST_F(WorkerSetTest, ABeatBringsTheirCountsIntoTheMetrics) {
  Start(parts_.Text("hello"));
  EXPECT_TRUE(parts_.Await([&] {
    const metrics::Sums sums = parts_.main_.registry.Collect();
    uint64_t turns = 0;
    for (const auto& [labels, count] :
         sums.Of<metrics::Counter>(metrics::Metric::kLoopTurnsTotal)) {
      turns += count;
    }
    return turns > 0;
  }));
}

}  // namespace
}  // namespace holdfast::server
