#ifndef HOLDFAST_TESTS_POOL_DNS_CARES_RESOLVER_FIXTURE_H_
#define HOLDFAST_TESTS_POOL_DNS_CARES_RESOLVER_FIXTURE_H_

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/dns/cares_resolver.h"
#include "tests/pool/dns/scripted_dns_server.h"

namespace holdfast::pool {

inline std::vector<SocketAddress> Addresses(std::initializer_list<std::string_view> texts) {
  std::vector<SocketAddress> addresses;
  for (const std::string_view text : texts) addresses.push_back(*SocketAddress::Parse(text));
  return addresses;
}

// The machine's clock, which a test can put forward: c-ares keeps to the real one.
class SkippingClock final : public Clock {
 public:
  TimePoint Now() const override { return machine_.Now() + skipped_; }
  WallTime WallNow() const override { return machine_.WallNow() + skipped_; }
  void Skip(Duration time) { skipped_ += time; }

 private:
  SystemClock machine_;
  Duration skipped_{0};
};

// A resolver with a resolv.conf of its own, and a server on the loopback for it to ask.
class CaresResolverTest : public testing::Test {
 protected:
  CaresResolverTest() : directory_(testing::TempDir() + "cares_resolver_XXXXXX") {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    resolv_conf_ = directory_ + "/resolv.conf";
    WriteConfig("nameserver 127.0.0.1\n");
  }
  ~CaresResolverTest() override {
    std::remove(resolv_conf_.c_str());
    rmdir(directory_.c_str());
  }

  void WriteConfig(std::string_view text) { std::ofstream(resolv_conf_) << text; }

  CaresOptions Options() const {
    CaresOptions options;
    options.timeout = std::chrono::seconds(5);  // none unless a test is about it
    options.attempts = 1;
    options.port = server_.address().port();
    options.resolv_conf = resolv_conf_;
    return options;
  }
  void Make(CaresOptions options) {
    resolver_ = std::make_unique<CaresResolver>(&loop_, std::move(options));
  }
  void Make() { Make(Options()); }

  bool RunUntil(const std::function<bool()>& done) {
    const TimePoint end = clock_.Now() + std::chrono::seconds(20);
    while (!done()) {
      if (clock_.Now() > end) return false;
      loop_.RunOnce(std::chrono::milliseconds(100));
    }
    return true;
  }

  // The answer that a look-up of `name` ends with, whatever is told early.
  AddressAnswer Ask(const std::string& name, uint16_t port = 80) {
    if (resolver_ == nullptr) Make();
    std::optional<AddressAnswer> result;
    bool returned = false;
    resolver_->Resolve(name, port, [&](AddressAnswer answer) {
      EXPECT_TRUE(returned) << "called inside Resolve";
      if (answer.more) return;
      EXPECT_FALSE(result.has_value()) << "called twice";
      result = std::move(answer);
    });
    returned = true;
    EXPECT_TRUE(RunUntil([&] { return result.has_value(); })) << "no answer for " << name;
    return result.value_or(AddressAnswer{});
  }

  // The same for its services.
  SrvAnswer AskSrv(const std::string& name) {
    if (resolver_ == nullptr) Make();
    std::optional<SrvAnswer> result;
    resolver_->ResolveSrv(name, [&](SrvAnswer answer) {
      EXPECT_FALSE(result.has_value()) << "called twice";
      result = std::move(answer);
    });
    EXPECT_FALSE(result.has_value()) << "called inside ResolveSrv";
    EXPECT_TRUE(RunUntil([&] { return result.has_value(); })) << "no answer for " << name;
    return result.value_or(SrvAnswer{});
  }

  SkippingClock clock_;
  EventLoop loop_{&clock_};
  ScriptedDnsServer server_{&loop_};
  std::string directory_;
  std::string resolv_conf_;
  std::unique_ptr<CaresResolver> resolver_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_DNS_CARES_RESOLVER_FIXTURE_H_
