#include "gateway/proxy/replay_body.h"

#include <sys/uio.h>

#include <algorithm>

#include "pool/net/check.h"

namespace holdfast::proxy {
namespace {

// Of one step of a body, and of all that is kept.
constexpr int kMaxPieces = 16;

}  // namespace

void ReplayBody::Note(const pool::Buffer& from, size_t bytes) {
  if (!complete_) return;
  if (!keep_ || bytes_.size() + bytes > kMaxBytes || !Copy(from, bytes, &bytes_)) Lose();
}

void ReplayBody::Give(pool::Buffer* body) {
  HOLDFAST_CHECK(complete_);
  if (keep_) {
    HOLDFAST_CHECK(Copy(bytes_, bytes_.size(), body));
  } else if (!bytes_.empty()) {
    body->MoveFrom(bytes_, bytes_.size());
    Lose();
  }
}

void ReplayBody::Lose() {
  complete_ = false;
  bytes_.Clear();
}

// False when the bytes lie in more pieces than one call describes.
bool ReplayBody::Copy(const pool::Buffer& from, size_t bytes, pool::Buffer* to) {
  iovec pieces[kMaxPieces];
  const int count = from.FillIovec(pieces, kMaxPieces);
  for (int i = 0; i < count && bytes > 0; ++i) {
    const size_t part = std::min(bytes, pieces[i].iov_len);
    to->Append({static_cast<const char*>(pieces[i].iov_base), part});
    bytes -= part;
  }
  return bytes == 0;
}

}  // namespace holdfast::proxy
