#include "gateway/http2/server_session.h"

namespace holdfast::http2 {

ServerSession::ServerSession(pool::EventLoop* loop, pool::SlabPool* slabs,
                             pool::Connection* connection, SessionOwner* owner,
                             const Limits& limits, ServerMeans* means)
    : Session(Role::kServer, loop, slabs, connection, owner, limits), means_(means) {}

Stream* ServerSession::OnNewStream(int32_t id) {
  ServerStream* const stream = means_->streams().Take(slabs());
  stream->Start(this, id);
  return stream;
}

bool ServerSession::Hold(int32_t id, size_t bytes, uint32_t code) {
  const size_t held = heads_bytes_ + bytes;
  const bool too_much = held > limits().max_heads_bytes;
  // Who holds little is not to suffer from those who hold much.
  const bool no_room =
      means_->heads_bytes + bytes > ServerMeans::kMaxHeadsBytes && held > limits().max_head_bytes;
  if (too_much) Note(Glitch::kHeads);
  if (too_much || no_room) {
    ResetStream(id, code);
    return false;
  }
  heads_bytes_ = held;
  means_->heads_bytes += bytes;
  return true;
}

void ServerSession::LetGo(size_t bytes) {
  heads_bytes_ -= bytes;
  means_->heads_bytes -= bytes;
}

void ServerSession::OnPriorityUpdate(int32_t id) {
  if (id <= nghttp2_session_get_last_proc_stream_id(raw())) return;
  std::erase(updated_early_, id);
  if (updated_early_.size() == kMaxEarlyUpdates) updated_early_.erase(updated_early_.begin());
  updated_early_.push_back(id);
}

void ServerSession::Prioritise(int32_t id, Priority priority) {
  if (std::erase(updated_early_, id) > 0) return;
  const nghttp2_extpri wanted{.urgency = priority.urgency, .inc = priority.incremental ? 1 : 0};
  nghttp2_session_change_extpri_stream_priority(raw(), id, &wanted, /*ignore_client_signal=*/0);
}

std::span<const nghttp2_nv> ServerSession::Serialize(const http::ResponseHead& head,
                                                     const http::ResponseFraming& framing,
                                                     std::string_view via_name) {
  pool::Buffer bytes(slabs());
  http::SerializeResponseHead(head, framing, via_name, &bytes);
  head_size_ = bytes.size();
  return lines().OfResponse(bytes.Linearize(head_size_), &head.headers);
}

}  // namespace holdfast::http2
