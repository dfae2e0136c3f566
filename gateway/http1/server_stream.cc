#include "gateway/http1/server_stream.h"

#include <algorithm>

#include "gateway/http/serializer.h"
#include "pool/net/check.h"

namespace holdfast::http1 {

using http::BodyKind;
using http::ClientPersistence;
using pool::FlushStatus;

void ServerStream::Start(pool::Connection* connection, ServerTerms* terms) {
  HOLDFAST_CHECK(!active());
  connection_ = connection;
  terms_ = terms;
  run_ = Run{.received_before = connection->bytes_read() - connection->in().size(),
             .sent_before = connection->bytes_written(),
             .heads_end = connection->bytes_written()};
  body_.Start(BodyKind::kNone, 0);
}

http::Refusal ServerStream::TakeHead(size_t bytes, const http::HeadLimits& limits) {
  head_bytes_.MoveFrom(connection_->in(), bytes);
  const http::Refusal refusal =
      http::ParseRequestHead(head_bytes_.Linearize(bytes), limits, &request_);
  if (refusal == http::Refusal::kNone) body_.Start(request_.body, request_.content_length);
  return refusal;
}

// RFC 9110 section 9.3.2: no answer to HEAD has content, not even one that says that the rest of
// the request could not be read.
void ServerStream::TakeUnread() {
  constexpr std::string_view kHead = "HEAD ";
  head_bytes_.MoveFrom(connection_->in(), connection_->in().size());
  const bool asks_for_head =
      head_bytes_.Linearize(std::min(head_bytes_.size(), kHead.size())) == kHead;
  head_bytes_.Clear();
  request_.Clear();
  if (asks_for_head) request_.method = http::Method::kHead;
}

ClientPersistence ServerStream::Finish() {
  HOLDFAST_CHECK(active());
  ClientPersistence persistence = run_.persistence;
  if (persistence == ClientPersistence::kKeep && !body_.finished()) {
    persistence = ClientPersistence::kRequestUnread;
  }
  body_.Release();
  request_.Clear();
  head_bytes_.Clear();
  connection_ = nullptr;
  return persistence;
}

bool ServerStream::peer_ended() const {
  return body_.finished() && connection_->end() != pool::ConnectionEnd::kOpen;
}

void ServerStream::SendInformational(const http::ResponseHead& head, std::string_view via_name) {
  if (request_.version == http::Version::kHttp10) return;  // RFC 9110 section 15.2
  http::SerializeResponseHead(head, http::ResponseFraming{.upgrade = head.status == 101}, via_name,
                              &connection_->out());
  run_.heads_end = connection_->bytes_written() + connection_->out().size();
}

void ServerStream::SendHead(const http::ResponseHead& head, const stream::HeadFacts& facts) {
  http::ResponseFraming framing{
      .client_version = request_.version, .body = head.body, .content_length = head.content_length};
  if (head.body == BodyKind::kNone) {
    framing.send_length = head.has_content_length;
  } else if (head.body != BodyKind::kLength) {
    framing.body =
        request_.version == http::Version::kHttp11 ? BodyKind::kChunked : BodyKind::kUntilClose;
  }
  run_.writer.Start(/*chunked=*/framing.body == BodyKind::kChunked);
  run_.persistence = DecidePersistence(framing.body == BodyKind::kUntilClose,
                                       facts.generated && head.status >= 400, facts);
  // RFC 9110 section 15.5.22: a 426 says to which protocols the client has to change.
  framing.upgrade = head.status == 426 && head.headers.Find(http::FieldId::kUpgrade) != nullptr;
  framing.close = run_.persistence != ClientPersistence::kKeep;
  framing.keep_alive_10 = !framing.close && request_.version == http::Version::kHttp10;
  framing.date = terms_->Date();
  http::SerializeResponseHead(head, framing, facts.generated ? std::string_view() : facts.via_name,
                              &connection_->out());
  run_.heads_end = connection_->bytes_written() + connection_->out().size();
}

void ServerStream::Switch(const http::ResponseHead& head, std::string_view via_name) {
  SendInformational(head, via_name);
  run_.writer.Switch();
  body_.Start(BodyKind::kUntilClose, 0);
}

ClientPersistence ServerStream::DecidePersistence(bool until_close, bool refused,
                                                  const stream::HeadFacts& facts) const {
  const ServerTerms::Terms terms = terms_->terms();
  // A client of CONNECT may send its tunnel's bytes at once, and one that offers an upgrade
  // sometimes does, too. Read as the next request they would be what somebody else let that client
  // send.
  const bool may_have_switched =
      request_.method == http::Method::kConnect || request_.offers_upgrade;
  return http::DecideClientPersistence({
      .version = request_.version,
      .client_close = request_.connection_close,
      .client_keep_alive = request_.connection_keep_alive,
      .response_until_close = until_close,
      .request_finished = !facts.unfinished,
      .framing_error = facts.refused,
      .switch_refused = refused && may_have_switched,
      .draining = terms.draining,
      .too_old = terms.too_old,
      .last_request = terms.last_request,
  });
}

void ServerStream::SendBody(pool::Buffer& from, size_t bytes) {
  run_.writer.Write(*connection_, from, bytes);
}

void ServerStream::SendEnd(const http::HeaderList* trailers) {
  run_.writer.Finish(*connection_, trailers);
  if (run_.persistence != ClientPersistence::kKeep) connection_->ExpectEnd();
}

FlushStatus ServerStream::Flush() { return run_.writer.Flush(*connection_); }

bool ServerStream::Congested() { return run_.writer.Congested(*connection_); }

bool ServerStream::persists() const {
  return run_.persistence == ClientPersistence::kKeep && !terms_->terms().leaving;
}

uint64_t ServerStream::bytes_sent() const {
  return connection_->bytes_written() - run_.sent_before;
}

uint64_t ServerStream::bytes_received() const {
  return connection_->bytes_read() - run_.received_before - connection_->in().size();
}

}  // namespace holdfast::http1
