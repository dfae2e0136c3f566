#ifndef HOLDFAST_GATEWAY_PROXY_REPLAY_BODY_H_
#define HOLDFAST_GATEWAY_PROXY_REPLAY_BODY_H_

#include <cstddef>
#include <cstdint>

#include "pool/net/buffer.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

// The part of a request's body that has been sent, kept while it may have to be sent again and is
// not too much. One thread. A member of its exchange, which uses it again and again.
class ReplayBody {
 public:
  // A longer body is not kept, and its request is not sent again.
  static constexpr size_t kMaxBytes = 64 * 1024;

  explicit ReplayBody(pool::SlabPool* slabs) : bytes_(slabs) {}

  // The first `bytes` of `from` are about to be sent.
  void Note(const pool::Buffer& from, size_t bytes);
  // Another attempt begins, for which Give has what was noted. With `keep` that stays here as well,
  // and so does what is noted from now on.
  void BeginAttempt(bool keep) {
    HOLDFAST_CHECK(complete_);
    keep_ = keep;
  }
  bool empty() const { return bytes_.empty(); }
  // Gives everything that was noted to the attempt that has just begun.
  void Give(pool::Buffer* body);
  void Clear() {
    bytes_.Clear();
    keep_ = false;
    complete_ = true;
  }

  // Whether all that was sent so far is here.
  bool complete() const { return complete_; }

 private:
  void Lose();
  bool Copy(const pool::Buffer& from, size_t bytes, pool::Buffer* to);

  pool::Buffer bytes_;
  bool keep_ = false;
  bool complete_ = true;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_REPLAY_BODY_H_
