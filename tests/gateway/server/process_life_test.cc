#include "gateway/server/process_life.h"

#include <signal.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/server/main_parts.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::server {
namespace {

using support::GetRequest;
using support::OkResponse;
using support::RawClient;
using support::ScriptedUpstream;
using support::UpstreamConnection;

// The test's thread is the main one; the signals are calls.
class ProcessLifeTest : public testing::Test {
 protected:
  static constexpr char kNoDelay[] = "status: off\ndrain: {delay: 0s, timeout: 1h}\n";
  static constexpr char kLong[] = "status: off\ndrain: {delay: 1h, timeout: 1h}\n";
  // A shell script plays the new process, and says that it serves.
  static constexpr char kTellReady[] = "r=${HOLDFAST_INHERIT#ready:}; r=${r%% *}; printf 1 >&$r";

  void Live(const std::string& text, ProcessLife::Options options = {.config_path = "/none"}) {
    const absl::Status status = parts_.configurator_.Start(MainParts::Load(text));
    ASSERT_TRUE(status.ok()) << status;
    life_.emplace(ProcessLife::Parts{.main = &parts_.main_,
                                     .workers = &parts_.workers_,
                                     .listeners = &parts_.listeners_,
                                     .configurator = &parts_.configurator_},
                  std::move(options));
    parts_.on_empty_ = [this](size_t cut) {
      life_->OnEmpty(cut);
      ended_ = true;
    };
  }
  static ProcessLife::Options Starting(const std::string& script) {
    return {.config_path = "/none", .command = {"/bin/bash", "-c", script}};
  }
  std::string WithUpstream(const std::string& address, const std::string& drain) const {
    return drain + "listeners: [{name: edge, bind: '" + parts_.edge() +
           "'}]\nupstreams: {web: {endpoints: ['" + address + "']}}\nroutes: [{upstream: web}]\n";
  }
  // Runs the loop until the life ends.
  int Run() {
    parts_.main_.loop.Run();
    return life_->exit_code();
  }

  MainParts parts_;
  bool ended_ = false;  // by its workers
  std::optional<ProcessLife> life_;
};

TEST_F(ProcessLifeTest, ADrainWithNothingToDoEndsInOrder) {
  Live(parts_.Text("hello", kNoDelay));
  EXPECT_TRUE(life_->serving());
  life_->OnSignal(SIGTERM);
  EXPECT_FALSE(life_->serving());
  EXPECT_EQ(Run(), kExitOk);
  // Sockets are closed at the end of the turn in which the worker's word was given.
  EXPECT_TRUE(support::Eventually([&] { return !parts_.Accepts(); }));
}

TEST_F(ProcessLifeTest, TheDelayIsServedAndASecondSignalEndsIt) {
  Live(parts_.Text("hello", kLong));
  life_->OnSignal(SIGINT);
  EXPECT_FALSE(life_->serving());
  EXPECT_EQ(parts_.Body(), "hello");
  parts_.main_.mailbox.Post([this] { life_->OnSignal(SIGTERM); });
  EXPECT_EQ(Run(), kExitDrainDeadline);
}

// Nobody balances load in front of a terminal.
TEST_F(ProcessLifeTest, WithoutAFileOnlyATermHasTheDelay) {
  Live(parts_.Text("hello", kLong), {});
  life_->OnSignal(SIGINT);
  EXPECT_EQ(Run(), kExitOk);
}

TEST_F(ProcessLifeTest, TheDeadlineCutsOffWhatIsLeft) {
  ScriptedUpstream upstream;
  Live(WithUpstream(upstream.address(), "status: off\ndrain: {delay: 0s, timeout: 1ms}\n"));
  RawClient client(parts_.edge());
  client.Send(GetRequest("/"));
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  life_->OnSignal(SIGTERM);
  EXPECT_EQ(Run(), kExitDrainDeadline);
  EXPECT_TRUE(ended_);
}

TEST_F(ProcessLifeTest, AReloadIsForWhoServes) {
  const std::string path = parts_.dir_.Write("config.yaml", parts_.Text("second", kLong));
  Live(parts_.Text("first", kLong), {.config_path = path});
  life_->OnSignal(SIGHUP);
  EXPECT_TRUE(parts_.Await([&] { return parts_.Body() == "second"; }));
  life_->OnSignal(SIGTERM);
  parts_.dir_.Write("config.yaml", parts_.Text("third", kLong));
  life_->OnSignal(SIGHUP);
  EXPECT_EQ(
      parts_.main_.shard->CounterFor(metrics::Metric::kConfigReloadsTotal, {"failure"}).value(),
      1u);
  EXPECT_EQ(parts_.Body(), "second");
}

TEST_F(ProcessLifeTest, AnUpgradeWithoutACommandChangesNothing) {
  Live(parts_.Text("hello"));
  life_->OnSignal(SIGUSR2);
  life_->OnSignal(SIGUSR2);
  EXPECT_TRUE(life_->serving());
  EXPECT_EQ(parts_.Body(), "hello");
}

TEST_F(ProcessLifeTest, ANewProcessThatFailsLeavesUsServing) {
  const std::string mark = parts_.dir_.Path("started");
  Live(parts_.Text("hello"), Starting("echo >>" + mark + "; exit 7"));
  // Another one is refused until the first has ended.
  EXPECT_TRUE(parts_.Await([&] {
    life_->OnSignal(SIGUSR2);
    return support::ReadFile(mark).size() >= 2;
  }));
  EXPECT_TRUE(life_->serving());
  EXPECT_EQ(parts_.Body(), "hello");
}

TEST_F(ProcessLifeTest, ANewProcessThatServesTakesOurPlace) {
  Live(parts_.Text("hello",
                   "drain: {delay: 1h, timeout: 1h}\nstatus: {bind: '" + parts_.status() + "'}\n"),
       Starting(kTellReady));
  RawClient kept(parts_.edge());
  EXPECT_EQ(kept.Get("/").body, "hello");
  life_->OnSignal(SIGUSR2);
  EXPECT_TRUE(life_->serving()) << "until it has the new process's word";
  EXPECT_TRUE(parts_.Await([&] { return !life_->serving(); }));
  EXPECT_EQ(parts_.configurator_.status_fd(), -1);
  EXPECT_TRUE(parts_.listeners_.Descriptors().empty());
  EXPECT_TRUE(parts_.Await([&] { return !parts_.Accepts(); }));
  // What is idle may be used once more, and is told to close.
  EXPECT_EQ(kept.Get("/").Value("connection"), "close");
  EXPECT_EQ(Run(), kExitOk);
}

TEST_F(ProcessLifeTest, TheEndOfServingEndsTheNewProcess) {
  const std::string mark = parts_.dir_.Path("ended");
  Live(parts_.Text("hello", kNoDelay),
       Starting("trap 'echo >" + mark + "; exit' TERM; echo >" + mark +
                ".up; while :; do read -t 1 </dev/zero; done"));
  life_->OnSignal(SIGUSR2);
  EXPECT_TRUE(parts_.Await([&] { return !support::ReadFile(mark + ".up").empty(); }));
  life_->OnSignal(SIGTERM);
  EXPECT_EQ(Run(), kExitOk);
  EXPECT_TRUE(support::Eventually([&] { return !support::ReadFile(mark).empty(); }));
}

TEST_F(ProcessLifeTest, TheLogIsReopenedInEveryPhase) {
  const std::string path = parts_.dir_.Path("access.log");
  Live(parts_.Text("hello", std::string(kLong) + "access_log: {path: '" + path + "'}\n"));
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(unlink(path.c_str()), 0);
    life_->OnSignal(SIGUSR1);
    EXPECT_EQ(access(path.c_str(), F_OK), 0);
    if (i == 0) life_->OnSignal(SIGTERM);
  }
}

}  // namespace
}  // namespace holdfast::server
