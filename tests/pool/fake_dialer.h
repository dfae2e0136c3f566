#ifndef HOLDFAST_TESTS_POOL_FAKE_DIALER_H_
#define HOLDFAST_TESTS_POOL_FAKE_DIALER_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "pool/dialer.h"
#include "pool/net/socket.h"

namespace holdfast::pool {

// A dialer in the test's hands: attempts end when and how the test says. No socket connects; a
// connection that is made is one half of a pair.
class FakeDialer final : public Dialer {
 public:
  FakeDialer(EventLoop* loop, SlabPool* slabs) : loop_(loop), slabs_(slabs) {}
  ~FakeDialer() override;

  DialStart Dial(const EndpointKey& key, const DialTerms& terms, DialEvents* events) override;

  // Every attempt from now on fails at once with that; nullopt: none does.
  void RefuseAtOnce(std::optional<CheckoutResult> refusal) { refusal_ = refusal; }

  // Attempts begun so far, and those under way.
  size_t begun() const { return begun_; }
  size_t pending() const { return pending_.size(); }
  // Of the last attempt.
  const EndpointKey& key() const { return key_; }
  const DialTerms& terms() const { return terms_; }

  // Ends the attempt that has been under way longest. The peer's half of the connection is in
  // peers(), last.
  void Succeed();
  void Fail(CheckoutResult result);
  // Says of the so-manyth, that one first, that it is slow; it goes on.
  void SaySlow(size_t which = 0);

  std::deque<FileDescriptor>& peers() { return peers_; }

 private:
  class Attempt;

  Attempt* TakeFirst();

  EventLoop* loop_;
  SlabPool* slabs_;
  std::optional<CheckoutResult> refusal_;
  size_t begun_ = 0;
  EndpointKey key_;
  DialTerms terms_;
  std::deque<Attempt*> pending_;  // each takes itself off when it goes
  std::deque<FileDescriptor> peers_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_FAKE_DIALER_H_
