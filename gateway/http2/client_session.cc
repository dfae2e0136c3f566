#include "gateway/http2/client_session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::http2 {

using pool::CloseReason;

namespace {

// Streams have odd numbers up to 2^31 - 1 (RFC 9113 section 5.1.1); a peer may let that many be
// opened that were promised a slot before.
constexpr int32_t kLastNewStream = std::numeric_limits<int32_t>::max() - 2 * 10'000;

}  // namespace

ClientSession::ClientSession(pool::EventLoop* loop, pool::SlabPool* slabs,
                             pool::Connection* connection, const Limits& limits,
                             pool::FreeList<ClientStream>* resting)
    : Session(Role::kClient, loop, slabs, connection, this, limits),
      resting_(resting),
      told_capacity_(capacity()) {
  // What came while the connection was established brings no readiness any more.
  if (connection->readable()) ReceiveSoon();
}

ClientStream* ClientSession::Open(http::Method method, stream::StreamEvents* events) {
  ClientStream* const stream = resting_->Take(slabs());
  stream->Start(this, method, events);
  if (!silence_timer_.armed()) {
    heard_ = connection().bytes_read();
    asked_ = false;
    loop()->timers().Arm(silence_timer_, loop()->now() + kSilence);
  }
  return stream;
}

// The answer to a question that was the only thing to come does not end a silence.
void ClientSession::OnSilence(pool::TimePoint now) {
  if (over() || streams() == 0) return;
  const uint64_t heard = connection().bytes_read() - heard_;
  heard_ += heard;
  if (asked_ && heard == 0) {
    Fail();
    return TellNews();
  }
  pool::Duration wait = kSilence;
  if (heard == 0) {
    Ask();
    wait = kPatience;
  } else if (asked_ && heard == kPingBytes) {
    wait = kFurtherSilence;
  }
  asked_ = heard == 0;
  loop()->timers().Arm(silence_timer_, now + wait);
}

// A peer that takes none at all for the moment is asked for one, which waits here.
uint32_t ClientSession::capacity() const {
  if (!greeted()) return kAssumedStreams;
  return std::max(
      1u, nghttp2_session_get_remote_settings(raw(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
}

CloseReason ClientSession::end() const {
  if (failed()) return CloseReason::kBroken;
  if (going_away_) return CloseReason::kGoaway;
  if (over()) return CloseReason::kPeerClosed;
  const bool numbered = nghttp2_session_get_next_stream_id(raw()) >= uint32_t{kLastNewStream};
  return numbered ? CloseReason::kMaxRequests : CloseReason::kNone;
}

bool ClientSession::KnowsTunnels() const {
  return nghttp2_session_get_remote_settings(raw(), NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

void ClientSession::SubmitHeld() {
  while (!held_.empty()) {
    ClientStream* const stream = held_.back();
    held_.pop_back();
    stream->SubmitHeld();
    // Of what could be submitted the answer tells.
    if (stream->gone() || stream->unable()) stream->Tell();
  }
}

void ClientSession::OnGoAway(int32_t, uint32_t) {
  going_away_ = true;
  LoseUnsent();
}

CloseReason ClientSession::OnIdleReadable(pool::Connection& connection) {
  HOLDFAST_CHECK(&connection == &this->connection());
  connection.LookForMore();
  Receive();
  if (!connection.out().empty()) SendSoon();
  const CloseReason why = end();
  return why == CloseReason::kPeerClosed ? CloseReason::kIdlePeerClosed : why;
}

void ClientSession::SayEnd() {
  if (!over() && !connection().gone()) SayGoodbye();
}

void ClientSession::OnConnectionReady() {
  Receive();
  if (!connection().out().empty()) SendSoon();
  TellNews();
}

void ClientSession::TellNews() {
  if (over()) Lose();
  const CloseReason why = end();
  if (capacity() != told_capacity_ || why != told_end_) {
    told_capacity_ = capacity();
    told_end_ = why;
    if (events_ != nullptr) events_->OnProtocolChanged();
  }
  if (!held_.empty() && (greeted() || over())) SubmitHeld();
  while (Stream* const stream = NextReady()) static_cast<ClientStream*>(stream)->Tell();
}

}  // namespace holdfast::http2
