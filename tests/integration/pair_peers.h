#ifndef HOLDFAST_TESTS_INTEGRATION_PAIR_PEERS_H_
#define HOLDFAST_TESTS_INTEGRATION_PAIR_PEERS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/http_message.h"
#include "tests/support/raw_client.h"

// A client and an upstream of either protocol that speak of the same messages, for what is to hold
// whichever they speak.

namespace holdfast::support {

enum class Protocol : uint8_t { kHttp1, kHttp2 };

// A message without the words of either protocol.
struct Asked {
  std::string method = "GET";
  std::string path = "/";
  Fields fields;
  std::optional<std::string> body;
  bool with_length = true;
  Fields trailers;
};

struct Answered {
  std::vector<std::pair<int, Fields>> interim;
  int status = 200;
  Fields fields;
  std::string body;
  bool with_length = true;
  Fields trailers;
  bool broken = false;  // it ends before its body does
};

// The value of the first such field, without regard to case; "" when there is none.
std::string ValueOf(const Fields& fields, std::string_view name);
std::vector<std::string> ValuesOf(const Fields& fields, std::string_view name);

// An upstream that answers each request as the test says, once it has read it; with a head that
// expects it, it asks for the body. Handlers run on its threads, one at a time.
class PairUpstream {
 public:
  using Handler = std::function<Answered(const Asked&)>;

  static std::unique_ptr<PairUpstream> New(Protocol protocol, Handler handler);
  virtual ~PairUpstream() = default;
  virtual const std::string& address() const = 0;
  // Requests that were given up by the other side.
  virtual int cancelled() const = 0;
  int begun() const { return begun_; }

  // From now on it answers with the head of a request.
  std::atomic<bool> answers_early = false;

 protected:
  explicit PairUpstream(Handler handler) : handler_(std::move(handler)) {}
  Answered Answer(const Asked& asked) {
    const std::lock_guard lock(mutex_);
    return handler_(asked);
  }

  std::mutex mutex_;
  Handler handler_;
  std::atomic<int> begun_ = 0;
};

class PairClient {
 public:
  static std::unique_ptr<PairClient> New(Protocol protocol, const std::string& address);
  virtual ~PairClient() = default;
  virtual Answered Ask(const Asked& asked) = 0;
  // Sends a request and waits for no more than the answer's beginning, `bytes` of its body.
  virtual void Begin(const Asked& asked, size_t bytes) = 0;
  // Gives up what was begun.
  virtual void Cancel() = 0;
  // Sends a head and part of a body, then reads the answer that comes before the rest.
  virtual Answered AskUnfinished(const Asked& asked) = 0;
  // Of HTTP/1 the connection itself; null of HTTP/2.
  virtual RawClient* raw() { return nullptr; }
};

struct Pair {
  Protocol client;
  Protocol upstream;
};

inline constexpr Pair kPairs[] = {
    {Protocol::kHttp1, Protocol::kHttp1},
    {Protocol::kHttp1, Protocol::kHttp2},
    {Protocol::kHttp2, Protocol::kHttp1},
    {Protocol::kHttp2, Protocol::kHttp2},
};
// Those whose upstream speaks HTTP/2.
inline constexpr Pair kPairsToHttp2[] = {kPairs[1], kPairs[3]};

std::string PairName(const testing::TestParamInfo<Pair>& info);

// A fixture whose tests run over each pair, as `SuiteTest.Test/Http1Http2`:
//
//   class SuiteTest : public OverEachPair {};
//   HOLDFAST_OVER_EACH_PAIR(SuiteTest);
//   TEST_P(SuiteTest, Test) { Start(handler); client_->Ask({}); }
class OverEachPair : public testing::TestWithParam<Pair> {
 protected:
  // A gateway before an upstream, and a client of it.
  void Start(PairUpstream::Handler handler, GatewayConfig config = {});
  // The same with somebody else's upstream.
  void StartBefore(const std::string& address, GatewayConfig config = {});
  std::unique_ptr<PairClient> NewClient() {
    return PairClient::New(GetParam().client, gateway_->address());
  }

  // What handlers that wait wait for; they may still look when a test's body is over.
  std::atomic<bool> go_ = false;
  std::unique_ptr<PairUpstream> upstream_;
  std::unique_ptr<GatewayProcess> gateway_;
  std::unique_ptr<PairClient> client_;
};

#define HOLDFAST_OVER_EACH_PAIR(suite)                                              \
  INSTANTIATE_TEST_SUITE_P(, suite, testing::ValuesIn(::holdfast::support::kPairs), \
                           ::holdfast::support::PairName)

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_INTEGRATION_PAIR_PEERS_H_
