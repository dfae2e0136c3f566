#include "gateway/proxy/health_prober.h"

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/acceptor.h"
#include "pool/net/connection.h"
#include "pool/net/plain_transport.h"
#include "tests/support/manual_clock.h"

namespace holdfast::proxy {
namespace {

using pool::SocketAddress;
using std::chrono::milliseconds;
using std::chrono::seconds;

// An endpoint on the prober's own loop, which answers whatever is asked with one status.
class Origin final : private pool::AcceptorEvents {
 public:
  Origin(pool::EventLoop* loop, pool::SlabPool* slabs, const std::string& bind = "127.0.0.1:0")
      : loop_(loop),
        slabs_(slabs),
        socket_(std::move(*pool::Listen(*SocketAddress::Parse(bind), false))),
        address_(*pool::LocalAddress(socket_.get())),
        acceptor_(loop, std::move(socket_), this) {}

  const SocketAddress& address() const { return address_; }
  void set_status(int status) { status_ = status; }
  int requests() const { return requests_; }
  int accepted() const { return static_cast<int>(connections_.size()); }
  int open() const {
    int open = 0;
    for (const Served& served : connections_) open += served.connection.open() ? 1 : 0;
    return open;
  }
  const std::string& last_request() const { return last_request_; }

 private:
  struct Served final : pool::ConnectionEvents {
    Served(Origin* owner, pool::FileDescriptor socket)
        : origin(owner),
          connection(owner->loop_, owner->slabs_,
                     std::make_unique<pool::PlainTransport>(std::move(socket)), this,
                     pool::Connection::Stage::kEstablished) {}
    void OnConnectionReady() override {
      while (connection.Fill(1 << 16) == pool::FillStatus::kRead) origin->Answer(connection);
      if (connection.end() != pool::ConnectionEnd::kOpen || connection.gone()) connection.Close();
    }
    Origin* origin;
    pool::Connection connection;
  };

  void Answer(pool::Connection& connection) {
    last_request_ = connection.in().Linearize(connection.in().size());
    connection.in().Clear();
    ++requests_;
    connection.out().Append("HTTP/1.1 " + std::to_string(status_) +
                            " X\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(connection.Flush(), pool::FlushStatus::kDone);
  }
  void OnAccept(pool::FileDescriptor socket, const SocketAddress&) override {
    connections_.emplace_back(this, std::move(socket));
    EXPECT_EQ(connections_.back().connection.Open(), 0);
  }
  void OnAcceptError(int) override {}
  bool MayAccept() override { return true; }

  pool::EventLoop* loop_;
  pool::SlabPool* slabs_;
  int status_ = 200;
  int requests_ = 0;
  std::string last_request_;
  pool::FileDescriptor socket_;
  SocketAddress address_;
  std::list<Served> connections_;
  pool::Acceptor acceptor_;
};

class HealthProberTest : public testing::Test {
 protected:
  HealthProberTest() {
    check_.interval = seconds(5);
    check_.fall = 3;
    check_.rise = 2;
  }

  void Aim(const std::vector<const Origin*>& origins, bool healthy = true) {
    std::vector<ProbeTarget> targets;
    for (const Origin* origin : origins) {
      targets.push_back({.address = origin->address(), .host = "web.test", .healthy = healthy});
    }
    prober_.SetTargets("web", check_, {}, targets);
  }
  void Turns(int turns = 8) {
    for (int i = 0; i < turns; ++i) loop_.RunOnce(pool::Duration::zero());
  }
  // In steps, so that each check is over before the next is due.
  void Pass(pool::Duration time) {
    constexpr pool::Duration kStep = milliseconds(50);
    for (; time > pool::Duration::zero(); time -= kStep) {
      clock_.Advance(std::min(time, kStep));
      Turns();
    }
  }
  // Until `origin` has been asked once more.
  void AwaitCheck(const Origin& origin) {
    const int before = origin.requests();
    for (int i = 0; i < 1000 && origin.requests() == before; ++i) Pass(milliseconds(50));
    EXPECT_EQ(origin.requests(), before + 1);
    Turns();
  }
  void AwaitChecks(const Origin& origin, int checks) {
    for (int i = 0; i < checks; ++i) AwaitCheck(origin);
  }
  uint64_t Checks(const Origin& origin, const std::string& result) const {
    metrics::Sums sums;
    prober_.AddTo(sums);
    const auto& family = sums.Of<metrics::Counter>(metrics::Metric::kHealthChecksTotal);
    const auto found = family.find({"web", origin.address().ToString(), result});
    return found != family.end() ? found->second : 0;
  }

  pool::ManualClock clock_;
  pool::SlabPool slabs_;
  pool::EventLoop loop_{&clock_};
  pool::Random random_{7};
  config::HealthCheck check_;
  std::vector<std::pair<SocketAddress, bool>> told_;
  bool traffic_ = true;
  int asked_ = 0;
  Origin one_{&loop_, &slabs_};
  Origin two_{&loop_, &slabs_};
  HealthProber prober_{&loop_,
                       &slabs_,
                       &random_,
                       /*transports=*/nullptr,
                       {.on_health =
                            [this](const std::string& upstream, const SocketAddress& address,
                                   bool healthy, const std::string& cause) {
                              EXPECT_EQ(upstream, "web");
                              EXPECT_TRUE(cause.starts_with("check: ")) << cause;
                              told_.emplace_back(address, healthy);
                            },
                        .has_traffic =
                            [this](const std::string& upstream) {
                              EXPECT_EQ(upstream, "web");
                              ++asked_;
                              return traffic_;
                            }}};
};

TEST_F(HealthProberTest, ChecksEveryEndpointOnceAnIntervalATenthMoreOrLess) {
  Aim({&one_, &two_});
  Pass(seconds(5) + milliseconds(50));
  EXPECT_EQ(one_.requests(), 1) << "the first falls into the first interval";
  EXPECT_EQ(two_.requests(), 1);
  Pass(seconds(500));
  for (const Origin* origin : {&one_, &two_}) {
    EXPECT_GE(origin->requests(), 90);
    EXPECT_LE(origin->requests(), 112);
    EXPECT_EQ(origin->accepted(), 1) << "over one kept connection";
    EXPECT_EQ(Checks(*origin, "ok"), static_cast<uint64_t>(origin->requests()));
  }
  EXPECT_TRUE(told_.empty());
}

TEST_F(HealthProberTest, ChecksThatBeganTogetherDriftApart) {
  check_.interval = seconds(1);
  Aim({&one_, &two_});
  bool apart = false;
  for (int i = 0; i < 200 && !apart; ++i) {
    Pass(milliseconds(50));
    apart = one_.requests() != two_.requests();
  }
  EXPECT_TRUE(apart);
}

TEST_F(HealthProberTest, FailuresInARowMakeItUnhealthyAndSuccessesHealthy) {
  Aim({&one_});
  one_.set_status(503);
  AwaitChecks(one_, 2);
  EXPECT_TRUE(told_.empty());
  AwaitCheck(one_);
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0], std::make_pair(one_.address(), false));
  AwaitChecks(one_, 4);
  EXPECT_EQ(told_.size(), 1u) << "told once";
  one_.set_status(200);
  AwaitCheck(one_);
  EXPECT_EQ(told_.size(), 1u);
  AwaitCheck(one_);
  ASSERT_EQ(told_.size(), 2u);
  EXPECT_EQ(told_[1], std::make_pair(one_.address(), true));
  EXPECT_EQ(Checks(one_, "bad_status"), 7u);
  EXPECT_EQ(Checks(one_, "ok"), 2u);
}

TEST_F(HealthProberTest, OneGoodResultBreaksTheRow) {
  Aim({&one_});
  for (const int status : {503, 503, 200, 503, 503, 200}) {
    one_.set_status(status);
    AwaitCheck(one_);
  }
  EXPECT_TRUE(told_.empty());
}

TEST_F(HealthProberTest, OneBadResultBreaksTheRowUpwards) {
  Aim({&one_}, /*healthy=*/false);
  for (const int status : {200, 503, 200, 503}) {
    one_.set_status(status);
    AwaitCheck(one_);
  }
  EXPECT_TRUE(told_.empty());
  one_.set_status(200);
  AwaitChecks(one_, 2);
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(HealthProberTest, EndpointsAreJudgedApart) {
  Aim({&one_, &two_});
  two_.set_status(500);
  Pass(seconds(40));
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0], std::make_pair(two_.address(), false));
}

TEST_F(HealthProberTest, WithoutTrafficItChecksMoreRarely) {
  check_.idle_interval = seconds(50);
  traffic_ = false;
  Aim({&one_});
  AwaitCheck(one_);
  Pass(seconds(44));
  EXPECT_EQ(one_.requests(), 1);
  Pass(seconds(12));
  EXPECT_EQ(one_.requests(), 2);
  traffic_ = true;
  Pass(seconds(6));
  EXPECT_EQ(one_.requests(), 3) << "traffic that returns is noticed within an interval";
  Pass(seconds(50));
  EXPECT_GE(one_.requests(), 11);
}

TEST_F(HealthProberTest, TrafficIsAskedForOnceAnIntervalWhateverTheNumberOfEndpoints) {
  check_.idle_interval = seconds(50);
  Aim({&one_, &two_});
  Pass(seconds(105));
  EXPECT_LE(asked_, 21);
  EXPECT_GE(asked_, 15);
}

TEST_F(HealthProberTest, AnEndpointThatLeftIsNotCheckedAndItsConnectionCloses) {
  Aim({&one_, &two_});
  Pass(seconds(6));
  EXPECT_EQ(one_.open(), 1);
  Aim({&two_});
  Turns();
  EXPECT_EQ(one_.open(), 0);
  const int before = one_.requests();
  Pass(seconds(30));
  EXPECT_EQ(one_.requests(), before);
  EXPECT_GT(two_.requests(), 3);
}

TEST_F(HealthProberTest, AnEndpointThatStaysKeepsItsCountAndConnection) {
  Aim({&one_});
  one_.set_status(503);
  AwaitChecks(one_, 2);
  Aim({&one_, &two_});
  AwaitCheck(one_);
  EXPECT_EQ(told_.size(), 1u);
  EXPECT_EQ(one_.accepted(), 1);
}

TEST_F(HealthProberTest, AnEndpointKnownToBeUnhealthyHasToRise) {
  Aim({&one_}, /*healthy=*/false);
  AwaitCheck(one_);
  EXPECT_TRUE(told_.empty());
  AwaitCheck(one_);
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_TRUE(told_[0].second);
}

TEST_F(HealthProberTest, AChangedCheckHoldsFromTheNextOn) {
  check_.path = "/one";
  Aim({&one_});
  one_.set_status(503);
  AwaitChecks(one_, 2);
  check_.path = "/two";
  check_.fall = 2;
  Aim({&one_});
  AwaitCheck(one_);
  EXPECT_TRUE(one_.last_request().starts_with("GET /two ")) << one_.last_request();
  EXPECT_TRUE(told_.empty()) << "results of another check do not count";
  AwaitCheck(one_);
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(HealthProberTest, AShorterIntervalDoesNotWaitForTheLongOnesEnd) {
  check_.interval = std::chrono::hours(1);
  Aim({&one_});
  Turns();
  check_.interval = seconds(1);
  Aim({&one_});
  Pass(seconds(2));
  EXPECT_GE(one_.requests(), 1);
}

TEST_F(HealthProberTest, WithoutACheckNothingIsChecked) {
  Aim({&one_});
  AwaitCheck(one_);
  prober_.SetTargets("web", std::nullopt, {}, {{.address = one_.address()}});
  Pass(seconds(20));
  EXPECT_EQ(one_.requests(), 1);
  EXPECT_EQ(one_.open(), 0);
  EXPECT_EQ(Checks(one_, "ok"), 0u);
}

TEST_F(HealthProberTest, OnlySoManyConnectionsAreKept) {
  Origin many(&loop_, &slabs_, "0.0.0.0:0");
  std::vector<ProbeTarget> targets;
  for (size_t i = 0; i < HealthProber::kMaxKept + 10; ++i) {
    const std::string ip = "127.1." + std::to_string(i / 200) + "." + std::to_string(1 + i % 200);
    targets.push_back({.address = *SocketAddress::FromIp(ip, many.address().port())});
  }
  prober_.SetTargets("web", check_, {}, targets);
  Pass(seconds(6));
  EXPECT_GE(many.requests(), static_cast<int>(targets.size()));
  EXPECT_EQ(many.open(), static_cast<int>(HealthProber::kMaxKept));
  targets.erase(targets.begin(), targets.begin() + 100);
  prober_.SetTargets("web", check_, {}, targets);
  Turns();
  const int left = many.open();
  targets.push_back({.address = one_.address()});
  prober_.SetTargets("web", check_, {}, targets);
  Pass(seconds(6));
  EXPECT_EQ(one_.open(), 1) << "those that left made room";
  EXPECT_EQ(many.open(), left);
  prober_.SetTargets("web", std::nullopt, {}, {});
}

TEST_F(HealthProberTest, ASlowCheckIsFollowedByTheNextAtItsEnd) {
  // Accepts in the kernel alone, and never answers.
  pool::FileDescriptor silent =
      std::move(*pool::Listen(*SocketAddress::Parse("127.0.0.1:0"), false));
  check_.interval = seconds(1);
  check_.timeout = seconds(4);
  check_.fall = 1;
  prober_.SetTargets("web", check_, {}, {{.address = *pool::LocalAddress(silent.get())}});
  Pass(seconds(6));
  ASSERT_EQ(told_.size(), 1u);
  Pass(seconds(20));
  metrics::Sums sums;
  prober_.AddTo(sums);
  const auto& family = sums.Of<metrics::Counter>(metrics::Metric::kHealthChecksTotal);
  const auto timeouts = family.at({"web", pool::LocalAddress(silent.get())->ToString(), "timeout"});
  EXPECT_GE(timeouts, 5u);
  EXPECT_LE(timeouts, 7u);
}

// What it has learned stays: another limit is another way to ask.
TEST_F(HealthProberTest, OtherLimitsOfHeadsTakeEffect) {
  const std::vector<ProbeTarget> targets = {{.address = one_.address(), .host = "web.test"}};
  prober_.SetTargets("web", check_, {.limits = {.head_bytes = 1024, .fields = 1}}, targets);
  Pass(seconds(6));
  EXPECT_GE(one_.requests(), 1);
  metrics::Sums sums;
  prober_.AddTo(sums);
  const std::string text = one_.address().ToString();
  const auto counts = sums.Of<metrics::Counter>(metrics::Metric::kHealthChecksTotal);
  EXPECT_GE(counts.at({"web", text, "ok"}), 1u) << "one field";
  prober_.SetTargets("web", check_, {.limits = {.head_bytes = 16, .fields = 1}}, targets);
  Pass(seconds(6));
  metrics::Sums later;
  prober_.AddTo(later);
  EXPECT_GE(later.Of<metrics::Counter>(metrics::Metric::kHealthChecksTotal)
                .at({"web", text, "bad_response"}),
            1u);
}

}  // namespace
}  // namespace holdfast::proxy
