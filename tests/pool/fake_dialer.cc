#include "tests/pool/fake_dialer.h"

#include <gtest/gtest.h>

#include "pool/net/plain_transport.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::pool {

class FakeDialer::Attempt final : public DialAttempt {
 public:
  Attempt(FakeDialer* dialer, DialEvents* events) : dialer_(dialer), events_(events) {}
  ~Attempt() override {
    if (dialer_ != nullptr) std::erase(dialer_->pending_, this);
  }

  DialEvents* events() const { return events_; }
  void Forget() { dialer_ = nullptr; }

 private:
  FakeDialer* dialer_;  // while under way
  DialEvents* events_;
};

FakeDialer::~FakeDialer() { EXPECT_TRUE(pending_.empty()) << "attempts outlive their dialer"; }

DialStart FakeDialer::Dial(const EndpointKey& key, const DialTerms& terms, DialEvents* events) {
  ++begun_;
  key_ = key;
  terms_ = terms;
  if (refusal_.has_value()) return {.refusal = *refusal_};
  auto attempt = std::make_unique<Attempt>(this, events);
  pending_.push_back(attempt.get());
  return {.attempt = std::move(attempt)};
}

FakeDialer::Attempt* FakeDialer::TakeFirst() {
  EXPECT_FALSE(pending_.empty());
  Attempt* attempt = pending_.front();
  pending_.pop_front();
  attempt->Forget();
  return attempt;
}

void FakeDialer::Succeed() {
  SocketPair pair = UnixPair();
  peers_.push_back(std::move(pair.theirs));
  auto connection = std::make_unique<Connection>(
      loop_, slabs_, std::make_unique<PlainTransport>(std::move(pair.ours)), nullptr,
      Connection::Stage::kEstablished);
  ASSERT_EQ(connection->Open(), 0);
  TakeFirst()->events()->OnDialed(std::move(connection));
}

void FakeDialer::Fail(CheckoutResult result) { TakeFirst()->events()->OnDialFailed(result); }

void FakeDialer::SaySlow(size_t which) {
  ASSERT_LT(which, pending_.size());
  pending_[which]->events()->OnDialSlow();
}

}  // namespace holdfast::pool
