#include "gateway/http2/server_stream.h"

#include <utility>

#include "gateway/http/serializer.h"
#include "gateway/http2/server_session.h"
#include "pool/net/check.h"

namespace holdfast::http2 {

using http::BodyKind;
using http::Refusal;

void ServerStream::Start(ServerSession* session, int32_t id) {
  server_ = session;
  refusal_ = Refusal::kNone;
  head_read_ = begin_taken_ = awaits_switch_ = switched_ = false;
  head_bytes_ = held_bytes_ = 0;
  user_ = nullptr;
  Begin(session, id);
}

bool ServerStream::TakeBegin() { return head_read_ && !std::exchange(begin_taken_, true); }

void ServerStream::OnFieldsBegin() {
  (head_read_ ? trailer_text_ : head_text_).Begin(server_->limits());
}

void ServerStream::OnField(const ReceivedField& field) {
  (head_read_ ? trailer_text_ : head_text_).AddField(field);
}

bool ServerStream::OnFieldsEnd(bool ends) {
  if (head_read_) {
    if (!Hold(trailer_text_.charged(), NGHTTP2_ENHANCE_YOUR_CALM)) {
      SetFault(Refusal::kHeadTooLarge);
      return true;
    }
    // RFC 9113 section 8.1: after the head there are only trailers, and nothing follows them.
    const Refusal refusal =
        ends ? trailer_text_.FinishTrailers(&trailers_) : Refusal::kMisplacedPseudoField;
    if (refusal != Refusal::kNone) SetFault(refusal);
    return ends;
  }
  head_read_ = true;
  // Nobody gets to see a stream that is refused here.
  begin_taken_ = !Hold(head_text_.charged(), NGHTTP2_REFUSED_STREAM);
  if (begin_taken_) return true;
  refusal_ = head_text_.FinishRequest(ends, &request_);
  head_bytes_ = head_text_.charged();
  if (refusal_ != Refusal::kNone) {
    if (http::RefusalStatus(refusal_) == 400) SetFault(refusal_);
  } else if (request_.body == BodyKind::kLength) {
    Expect(request_.content_length);
  }
  awaits_switch_ = refusal_ == Refusal::kNone && request_.connection_upgrade;
  if (refusal_ == Refusal::kNone) server_->Prioritise(id(), PriorityOf(request_.headers));
  return true;
}

bool ServerStream::Hold(size_t bytes, uint32_t code) {
  if (!server_->Hold(id(), bytes, code)) return false;
  held_bytes_ += bytes;
  return true;
}

void ServerStream::SendInformational(const http::ResponseHead& head, std::string_view via_name) {
  if (lost() || head.status == 101) return;  // RFC 9113 section 8.6
  const auto fields = server_->Serialize(head, http::ResponseFraming{}, via_name);
  nghttp2_submit_headers(server_->raw(), NGHTTP2_FLAG_NONE, id(), nullptr, fields.data(),
                         fields.size(), nullptr);
  CountHead(server_->head_size());
}

void ServerStream::SendHead(const http::ResponseHead& head, const stream::HeadFacts& facts) {
  if (lost()) return;
  http::ResponseFraming framing{.body = head.body, .content_length = head.content_length};
  if (head.body == BodyKind::kNone) {
    framing.send_length = head.has_content_length;
  } else if (head.body == BodyKind::kLength && !head.has_content_length) {
    framing.body = BodyKind::kNone;  // The frame says so.
  } else if (head.body == BodyKind::kUntilClose) {
    framing.body = BodyKind::kChunked;
  }
  framing.date = server_->Date();
  const auto fields =
      server_->Serialize(head, framing, facts.generated ? std::string_view() : facts.via_name);
  const bool empty = head.body == BodyKind::kNone || request_.method == http::Method::kHead ||
                     (head.body == BodyKind::kLength && head.content_length == 0);
  if (empty) SetEnded();
  nghttp2_data_provider body = provider();
  nghttp2_submit_response(server_->raw(), id(), fields.data(), fields.size(),
                          empty ? nullptr : &body);
  CountHead(server_->head_size());
}

void ServerStream::Switch(const http::ResponseHead& head, std::string_view via_name) {
  HOLDFAST_CHECK(awaits_switch_);
  awaits_switch_ = false;
  switched_ = true;
  if (lost()) return;
  http::ResponseHead answer = head;
  answer.status = 200;
  for (http::HeaderField& field : answer.headers.fields()) {
    field.dropped |= http::EqualsIgnoreCase(field.name, "sec-websocket-accept");
  }
  const auto fields = server_->Serialize(answer, {.date = server_->Date()}, via_name);
  nghttp2_data_provider body = provider();
  nghttp2_submit_response(server_->raw(), id(), fields.data(), fields.size(), &body);
  CountHead(server_->head_size());
}

// A tunnel that broke off is cancelled (RFC 8441 section 5).
void ServerStream::Finish(bool complete) {
  uint32_t code = complete ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR;
  if (complete && switched_) code = NGHTTP2_CANCEL;
  Release(complete && ended(), code);
}

void ServerStream::OnForgotten() {
  Clear();
  server_->LetGo(held_bytes_);
  request_.Clear();
  trailers_.Clear();
  head_text_.Clear();
  trailer_text_.Clear();
  server_->GiveBack(*this);
}

}  // namespace holdfast::http2
