#include "gateway/http2/stream.h"

#include <algorithm>

#include "gateway/http2/session.h"
#include "pool/net/check.h"

namespace holdfast::http2 {

using pool::FlushStatus;
using stream::BodyStep;

void Stream::Begin(Session* session, int32_t id) {
  HOLDFAST_CHECK(session_ == nullptr && in_.empty() && out_.empty());
  session_ = session;
  id_ = id;
  in_known_ = 0;
  taken_ = 0;
  window_more_ = 0;
  received_ = given_ = 0;
  reset_code_ = heads_ = 0;
  expected_ = 0;
  fault_ = http::Refusal::kNone;
  trailers_.clear();
  expects_ = false;
  end_received_ = lost_ = closed_ = released_ = peer_reset_ = ended_ = framed_ = false;
  deferred_ = congested_ = wants_room_ = settled_ = false;
  session->Link(*this);
}

void Stream::Clear() {
  in_.Clear();
  if (session_ != nullptr) DropUnframed();
  session_ = nullptr;
  trailers_.clear();
}

void Stream::Release(bool complete, uint32_t code) {
  HOLDFAST_CHECK(!released_);
  GiveWindow();
  released_ = true;
  const size_t unread = in_.size();
  in_.Clear();
  in_known_ = 0;
  if (unread > 0) session_->Consume(*this, unread);
  if (closed_) return session_->Forget(*this);
  // A frame of what is in out_ may have begun, and goes before the reset.
  if (!complete) return session_->ResetStream(id_, code);
  if (framed_) session_->OnFramed(*this);
}

void Stream::GiveWindow() {
  const size_t taken = in_known_ - in_.size();
  in_known_ = in_.size();
  if (taken > 0) session_->Consume(*this, taken);
}

BodyStep Stream::Next() {
  GiveWindow();
  if (fault_ != http::Refusal::kNone) return {.kind = BodyStep::Kind::kBroken, .refusal = fault_};
  if (!in_.empty()) {
    return {.kind = BodyStep::Kind::kData, .buffer = &in_, .bytes = in_.size()};
  }
  if (end_received_) return {.kind = BodyStep::Kind::kEnd};
  if (lost_) return {.kind = BodyStep::Kind::kBroken};
  return {.kind = BodyStep::Kind::kBlocked};
}

void Stream::Expect(uint64_t bytes) {
  expected_ = bytes;
  expects_ = true;
  CheckLength();
}

void Stream::CheckLength() {
  if (!expects_ || fault_ != http::Refusal::kNone) return;
  const bool wrong = received_ > expected_ || (end_received_ && received_ < expected_);
  if (wrong) fault_ = http::Refusal::kContentLengthMismatch;
}

void Stream::Send(pool::Buffer& from, size_t bytes) {
  given_ += bytes;
  if (lost_) return from.Consume(bytes);
  out_.MoveFrom(from, bytes);
  session_->unframed_ += bytes;
  Resume();
}

void Stream::Send(std::string_view bytes) {
  given_ += bytes.size();
  if (lost_) return;
  out_.Append(bytes);
  session_->unframed_ += bytes.size();
  Resume();
}

void Stream::End(const http::HeaderList* trailers) {
  if (ended_) return;  // The head was all.
  ended_ = true;
  // Theirs may be gone when they are framed.
  if (trailers != nullptr) FieldLines::Write(*trailers, &trailers_);
  Resume();
}

void Stream::DropUnframed() {
  session_->unframed_ -= out_.size();
  out_.Clear();
}

void Stream::Resume() {
  if (!deferred_ || closed_) return;
  deferred_ = false;
  session_->SendSoon();
  nghttp2_session_resume_data(session_->raw(), id_);
}

// What is framed at the end of the turn counts as gone, unless it is much or the peer has no room
// for it.
FlushStatus Stream::FlushSoon() {
  if (lost_) return FlushStatus::kError;
  session_->SendSoon();
  if (out_.empty()) return FlushStatus::kDone;
  if (ended_ && out_.size() <= Session::kSettledBytes && session_->FitsWindows(*this)) {
    settled_ = true;
    return FlushStatus::kDone;
  }
  wants_room_ = true;
  return FlushStatus::kBlocked;
}

bool Stream::IsCongested() {
  const size_t waiting = out_.size();
  const bool crowded = waiting > 0 && session_->unframed_ >= Session::kUnframedBytes;
  congested_ = crowded || waiting >= (congested_ ? stream::kLowWatermark : stream::kHighWatermark);
  wants_room_ |= congested_;
  return congested_;
}

nghttp2_data_provider Stream::provider() {
  return {.source = {.ptr = this}, .read_callback = &Stream::OnRead};
}

ssize_t Stream::OnRead(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                       nghttp2_data_source* source, void*) {
  return static_cast<Stream*>(source->ptr)->Read(length, flags);
}

ssize_t Stream::Read(size_t length, uint32_t* flags) {
  const size_t bytes = std::min(length, out_.size());
  if (bytes == 0 && !ended_) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (bytes < out_.size() || !ended_) return static_cast<ssize_t>(bytes);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (trailers_.empty()) return static_cast<ssize_t>(bytes);
  const auto fields = session_->lines().OfTrailers(trailers_);
  *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  nghttp2_submit_trailer(session_->raw(), id_, fields.data(), fields.size());
  return static_cast<ssize_t>(bytes);
}

}  // namespace holdfast::http2
