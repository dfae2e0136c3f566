#ifndef HOLDFAST_GATEWAY_PROXY_REPLAY_BODY_H_
#define HOLDFAST_GATEWAY_PROXY_REPLAY_BODY_H_

#include <cstddef>
#include <cstdint>

#include "pool/net/buffer.h"

namespace holdfast::proxy {

// What has been sent of a request's body, kept as long as it may have to be sent again and is not
// too much. One thread. A member of its exchange; used again and again.
class ReplayBody {
 public:
  // More is not kept, and the request not sent again.
  static constexpr size_t kMaxBytes = 64 * 1024;

  explicit ReplayBody(pool::SlabPool* slabs) : bytes_(slabs) {}

  // The first `bytes` of `from` are about to be sent.
  void Note(const pool::Buffer& from, size_t bytes);
  // Everything that was noted, for one more attempt. With `keep` it stays here as well; what is
  // noted from now on is kept or not accordingly.
  void BeginAttempt(bool keep, pool::Buffer* body);
  void Clear();

  // All that was sent so far is here.
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
