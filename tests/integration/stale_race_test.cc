// The race in which a kept connection ends at the moment of its reuse, thousands of times and in
// every way in which it can end, plain and over TLS. The upstream's application counts each request
// that it has read, so that a request that was executed twice shows.

#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/scripted_hop.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

enum class Ending {
  kFin,            // closes
  kReset,          // closes with a reset, whatever it has received
  kReadThenReset,  // reads the request if it comes in time, acts on it, and resets
  kHalfClose,      // ends its sending side, goes on reading and acting
  kUnread,         // closes once a request is there, which it does not read
  // Over TLS only.
  kCut,          // closes without close_notify
  kCloseNotify,  // says so and ends nothing, goes on reading and acting
};

struct Case {
  Ending ending;
  const char* name;
  int rounds;
  milliseconds time;
  Wire wire = Wire::kPlain;
};

constexpr milliseconds kTime{4000};
constexpr milliseconds kTlsTime{1500};
// How long an upstream that ends with the request waits for it.
constexpr milliseconds kRequestPatience{2};

// Waits without giving up the processor, whose wake-ups are too coarse for this race.
void SpinFor(microseconds time) {
  const auto end = steady_clock::now() + time;
  while (steady_clock::now() < end) {
  }
}

// Two processors, one for the gateway and one for the test: on one of them the gateway would run
// from the client's send to its own without the upstream ever coming in between.
class TwoProcessors {
 public:
  TwoProcessors() {
    CPU_ZERO(&all_);
    sched_getaffinity(0, sizeof(all_), &all_);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &all_)) cpus_.push_back(cpu);
    }
  }
  ~TwoProcessors() { sched_setaffinity(0, sizeof(all_), &all_); }

  bool has_two() const { return cpus_.size() > 1; }
  // What is started from now on runs on this one.
  void UseFirst() const { Use(cpus_.front()); }
  void UseLast() const { Use(cpus_.back()); }

 private:
  static void Use(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    EXPECT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  }

  cpu_set_t all_;
  std::vector<int> cpus_;
};

bool HasInput(int fd, milliseconds patience) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&entry, 1, static_cast<int>(patience.count())) == 1;
}

// Bytes of small requests as they come; what is whole is taken off.
class RequestReader {
 public:
  void Add(const std::string& bytes) { bytes_ += bytes; }
  // The target of a request that is here to its end.
  std::optional<std::string> Take() {
    const size_t head = bytes_.find("\r\n\r\n");
    if (head == bytes_.npos) return std::nullopt;
    const size_t end = head + 4 + (bytes_.starts_with("POST") ? 1 : 0);
    if (bytes_.size() < end) return std::nullopt;
    const size_t from = bytes_.find(' ') + 1;
    std::string target = bytes_.substr(from, bytes_.find(' ', from) - from);
    bytes_.erase(0, end);
    return target;
  }

 private:
  std::string bytes_;
};

struct Tally {
  int posts = 0;
  int gets = 0;
  int refused_posts = 0;
};

// Plays the client and the upstream's application on one thread, with the gateway between them on
// the others.
class Race {
 public:
  explicit Race(Ending ending) : ending_(ending) {
    processors_.UseFirst();
    hop_.emplace(GatewayConfig{.upstream = "idle_timeout: 60s"});
    processors_.UseLast();
    Calibrate();
  }

  void Round(int number) {
    const bool post = number % 2 == 0;
    const std::string target = "/" + std::to_string(number);
    old_.emplace(hop_->Warm());
    old_reader_ = RequestReader();
    hop_->client.Send(post ? PostRequest(target, "x") : GetRequest(target));
    End();
    const Message response = ServeUntilAnswered();
    FinishOld();
    Judge(post, target, response);
  }

  bool has_two_processors() const { return processors_.has_two(); }
  const Tally& tally() const { return tally_; }
  double Retries(std::string_view result) {
    return hop_->gateway.Scrape().Value("holdfast_upstream_retries_total",
                                        {{"result", std::string(result)}});
  }

 private:
  void Calibrate() {
    UpstreamConnection connection = hop_->Warm();
    std::vector<microseconds> times;
    for (int i = 0; i < 21; ++i) {
      const auto sent = steady_clock::now();
      hop_->client.Send(PostRequest("/calibrate", "x"));
      connection.AwaitInput();
      times.push_back(std::chrono::duration_cast<microseconds>(steady_clock::now() - sent));
      connection.Answer(OkResponse("x"));
      hop_->client.Response();
    }
    std::ranges::sort(times);
    way_ = std::clamp(times[times.size() / 2], microseconds(5), microseconds(5000));
    hop_->client.Send(GetRequest("/calibrated"));
    connection.Answer(OkResponse("x", "Connection: close\r\n"));
    hop_->client.Response();
  }

  // Somewhere between the request's sending and its arrival, or shortly after.
  microseconds NextDelay() {
    random_ = random_ * 1664525 + 1013904223;
    return way_ * 12 / 10 * (random_ >> 16 & 0xff) / 0xff;
  }

  void End() {
    switch (ending_) {
      case Ending::kFin:
        SpinFor(NextDelay());
        old_->Close();
        return;
      case Ending::kReset:
        SpinFor(NextDelay());
        old_->Reset();
        return;
      case Ending::kReadThenReset:
        if (HasInput(old_->fd(), kRequestPatience)) ReadOld();
        old_->Reset();
        return;
      case Ending::kHalfClose:
        SpinFor(NextDelay());
        old_->ShutdownWrite();
        return;
      case Ending::kUnread:
        HasInput(old_->fd(), kRequestPatience);
        old_->Close();
        return;
      case Ending::kCut:
        SpinFor(NextDelay());
        old_->Cut();
        return;
      case Ending::kCloseNotify:
        SpinFor(NextDelay());
        old_->SendCloseNotify();
        return;
    }
  }

  // What is there. False: no more comes.
  bool ReadOld() {
    StreamEnd end;
    old_reader_.Add(old_->ReadNow(&end));
    while (const auto target = old_reader_.Take()) ++executed_[*target];
    return end == StreamEnd::kOpen;
  }

  // Accepts the repetition, if there is one, and goes on reading where only half was closed.
  Message ServeUntilAnswered() {
    const Deadline deadline;
    bool reading = old_->open();
    while (!deadline.passed()) {
      std::array<pollfd, 3> entries{pollfd{hop_->client.fd(), POLLIN, 0},
                                    pollfd{hop_->upstream.fd(), POLLIN, 0},
                                    pollfd{reading ? old_->fd() : -1, POLLIN, 0}};
      poll(entries.data(), entries.size(), deadline.Milliseconds());
      if (entries[2].revents != 0) reading = ReadOld();
      if (entries[1].revents != 0) {
        UpstreamConnection fresh = hop_->upstream.Accept();
        const Message request = fresh.Answer(OkResponse("fresh", "Connection: close\r\n"));
        ++executed_[request.Target()];
      }
      if (entries[0].revents != 0) break;
    }
    return hop_->client.Response();
  }

  // What reached a half-closed connection is acted on, even when the gateway waits no more.
  void FinishOld() {
    if (!old_->open()) return;
    ReadOld();
    old_->Close();
  }

  void Judge(bool post, const std::string& target, const Message& response) {
    const int executed = executed_[target];
    const int status = response.Status();
    ++(post ? tally_.posts : tally_.gets);
    if (!post) {
      EXPECT_EQ(status, 200) << target << response.body;
      return;
    }
    EXPECT_LE(executed, 1) << "POST " << target << " was executed twice";
    if (status == 200) {
      EXPECT_EQ(executed, 1) << target;
      return;
    }
    ++tally_.refused_posts;
    EXPECT_EQ(status, 502) << response.head;
    // After an end in good order it is known whether the request was read. After a reset it is not,
    // and over TLS a close_notify goes before the reset of a socket that is closed with a request
    // unread.
    const bool reset = response.body.find("upstream_reset") != std::string::npos;
    const bool notified = OverTls() && (ending_ == Ending::kFin || ending_ == Ending::kUnread);
    EXPECT_TRUE(reset || notified || executed == 1)
        << "POST " << target << " was refused though nobody had read it: " << response.body;
    EXPECT_NE(response.body.find("not sent again: not_proven"), std::string::npos);
  }

  Ending ending_;
  TwoProcessors processors_;
  std::optional<ScriptedHop> hop_;
  std::optional<UpstreamConnection> old_;
  RequestReader old_reader_;
  std::map<std::string, int> executed_;
  Tally tally_;
  microseconds way_{50};  // of a request from the client to the upstream
  uint32_t random_ = 1;
};

class StaleRaceTest : public testing::TestWithParam<Case> {
 protected:
  // Whether the race was really met.
  static bool Met(Race& race) {
    const double proven = race.Retries("retry_proven");
    const double idempotent = race.Retries("retry_idempotent");
    const int refused_posts = race.tally().refused_posts;
    switch (GetParam().ending) {
      case Ending::kFin:
      case Ending::kCut: return proven > 0;
      case Ending::kReset: return idempotent > 0;
      case Ending::kReadThenReset:
      case Ending::kUnread: return idempotent > 0 && refused_posts > 0;
      case Ending::kHalfClose:
      case Ending::kCloseNotify: return idempotent + refused_posts > 0;
    }
    return false;
  }
};

TEST_P(StaleRaceTest, NoPostIsExecutedTwiceAndNoneIsRefusedWithoutNeed) {
  const UseWire use(GetParam().wire);
  Race race(GetParam().ending);
  const auto end = steady_clock::now() + GetParam().time;
  int rounds = 0;
  // A slow machine makes fewer rounds, but so many in any case.
  const int least = GetParam().rounds / 10;
  while (rounds < GetParam().rounds && !HasFailure() &&
         (rounds < least || steady_clock::now() < end)) {
    race.Round(rounds++);
  }
  const Tally& tally = race.tally();
  const double proven = race.Retries("retry_proven");
  const double idempotent = race.Retries("retry_idempotent");
  RecordProperty("rounds", rounds);
  RecordProperty("refused_posts", tally.refused_posts);
  RecordProperty("proven", static_cast<int>(proven));
  std::printf("%d rounds: %g proven, %g idempotent, %g unwritten, %d of %d POSTs refused\n", rounds,
              proven, idempotent, race.Retries("retry_unwritten"), tally.refused_posts,
              tally.posts);
  if (!race.has_two_processors()) return;
  // Of few rounds none may have met it.
  if (OverTls() && rounds < GetParam().rounds) return;
  // Where another process takes turns with the gateway, it takes more of them.
  for (const Deadline more; !Met(race) && !more.passed() && !HasFailure();) race.Round(rounds++);
  EXPECT_TRUE(Met(race)) << rounds << " rounds";
}

INSTANTIATE_TEST_SUITE_P(Endings, StaleRaceTest,
                         testing::Values(Case{Ending::kFin, "Fin", 6000, kTime},
                                         Case{Ending::kReset, "Reset", 2000, kTime},
                                         Case{Ending::kReadThenReset, "ReadThenReset", 2000, kTime},
                                         Case{Ending::kHalfClose, "HalfClose", 500, kTime},
                                         Case{Ending::kUnread, "Unread", 2000, kTime}),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    TlsEndings, StaleRaceTest,
    testing::Values(Case{Ending::kFin, "Fin", 600, kTlsTime, Wire::kTls},
                    Case{Ending::kCut, "Cut", 600, kTlsTime, Wire::kTls},
                    Case{Ending::kCloseNotify, "CloseNotify", 200, kTlsTime, Wire::kTls},
                    Case{Ending::kReset, "Reset", 400, kTlsTime, Wire::kTls},
                    Case{Ending::kReadThenReset, "ReadThenReset", 400, kTlsTime, Wire::kTls},
                    Case{Ending::kHalfClose, "HalfClose", 200, kTlsTime, Wire::kTls},
                    Case{Ending::kUnread, "Unread", 400, kTlsTime, Wire::kTls}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace holdfast::support
