#include "gateway/http2/client_stream.h"

#include <utility>

#include "gateway/http2/client_session.h"
#include "pool/net/check.h"

namespace holdfast::http2 {

using http::BodyKind;
using http::Refusal;
using pool::ConnectionEnd;
using pool::FlushStatus;
using stream::BodyStep;
using stream::Evidence;
using stream::HeadStep;
using stream::UpstreamTrouble;

namespace {

bool HasNoBody(const http::RequestHead& head) {
  return head.body == BodyKind::kNone ||
         (head.body == BodyKind::kLength && head.content_length == 0);
}

}  // namespace

void ClientStream::Start(ClientSession* session, http::Method method,
                         stream::StreamEvents* events) {
  HOLDFAST_CHECK(owner_ == nullptr && events != nullptr);
  owner_ = session;
  events_ = events;
  method_ = method;
  written_before_ = 0;
  refusal_ = Refusal::kNone;
  head_framed_ = false;
  unsent_ = begun_ = interim_ = final_seen_ = bodiless_ = false;
  tunnel_ = switched_ = unable_ = false;
  held_.clear();
}

void ClientStream::SendRequest(std::string_view head, std::string_view body) {
  Submit(owner_->lines().OfRequest(head, owner_->scheme()), head.size(),
         /*ends=*/body.empty());
  if (unsent_ || body.empty()) return;
  Send(body);
  End(nullptr);
}

void ClientStream::SendHead(const http::RequestHead& head, const http::ForwardedFacts& facts) {
  pool::Buffer text(owner_->slabs());
  http::SerializeRequestHead(head, facts, &text);
  const std::string_view lines = text.Linearize(text.size());
  if (!head.connection_upgrade) {
    return Submit(owner_->lines().OfRequest(lines, owner_->scheme(), &head.headers), lines.size(),
                  HasNoBody(head));
  }
  tunnel_ = true;
  // No other request with an upgrade has its like here.
  unable_ = head.method != http::Method::kGet || head.body != BodyKind::kNone;
  if (unable_) return;
  protocol_ = head.headers.Find(http::FieldId::kUpgrade)->value;
  held_ = lines;
  held_never_indexed_.clear();
  for (const http::HeaderField& field : head.headers.fields()) {
    if (field.never_indexed) held_never_indexed_.emplace_back(field.name);
  }
  if (owner_->greeted() || owner_->over()) return SubmitHeld();
  owner_->Hold(this);
}

void ClientStream::SubmitHeld() {
  const std::string lines = std::exchange(held_, {});
  unable_ = owner_->greeted() && !owner_->KnowsTunnels();
  unsent_ = !owner_->greeted();
  if (unable_ || unsent_) return;
  http::HeaderList sources;
  for (const std::string& name : held_never_indexed_) {
    sources.Add({.name = name, .never_indexed = true});
  }
  Submit(owner_->lines().OfTunnel(lines, owner_->scheme(), &sources), lines.size(),
         /*ends=*/false);
}

// It may not be taken: the connection has ended in this turn, or has no numbers left.
void ClientStream::Submit(std::span<const nghttp2_nv> fields, size_t head_bytes, bool ends) {
  HOLDFAST_CHECK(session() == nullptr && owner_ != nullptr);
  const nghttp2_data_provider body = provider();
  int32_t id = -1;
  if (!owner_->over()) {
    id = nghttp2_submit_request(owner_->raw(), nullptr, fields.data(), fields.size(),
                                ends ? nullptr : &body, static_cast<Stream*>(this));
  }
  unsent_ = id < 0;
  if (unsent_) return;
  Begin(owner_, id);
  CountHead(head_bytes);
  if (ends) SetEnded();
  owner_->SendSoon();
}

void ClientStream::SendBody(pool::Buffer& from, size_t bytes) {
  if (unsent_) return from.Consume(bytes);
  Send(from, bytes);
}

void ClientStream::SendEnd(const http::HeaderList* trailers) {
  // A tunnel's begins when it is one.
  if (!unsent_ && (!tunnel_ || switched_)) End(trailers);
}

FlushStatus ClientStream::Flush() {
  if (session() == nullptr) return unsent_ ? FlushStatus::kError : FlushStatus::kDone;
  return FlushSoon();
}

bool ClientStream::Congested() { return session() != nullptr && IsCongested(); }

void ClientStream::OnHeadFraming() {
  head_framed_ = true;
  const pool::Connection& connection = owner_->connection();
  written_before_ = connection.bytes_written() + connection.out().size();
}

bool ClientStream::Left() const {
  return head_framed_ && owner_->connection().bytes_written() > written_before_;
}

uint64_t ClientStream::bytes_sent() const { return Left() ? sent() : 0; }

void ClientStream::OnFieldsBegin() {
  begun_ = true;
  if (final_seen_) return trailer_text_.Begin(owner_->limits());
  interim_ = false;
  filling_ = spare_ != nullptr ? std::move(spare_) : std::make_unique<Head>();
  filling_->bytes = 0;
  filling_->text.Begin(owner_->limits());
}

void ClientStream::OnField(const ReceivedField& field) {
  if (final_seen_) return trailer_text_.AddField(field);
  if (field.name == ":status") interim_ = field.value.starts_with('1');
  filling_->bytes += field.name.size() + field.value.size();
  filling_->text.AddField(field);
}

// RFC 9113 section 8.1. What is wrong within a head is found when somebody asks for it.
bool ClientStream::OnFieldsEnd(bool ends) {
  if (!final_seen_) {
    if (interim_ && ends) refusal_ = Refusal::kIncompleteHead;
    if (waiting_.size() == kMaxWaitingHeads) refusal_ = Refusal::kTooManyInterimResponses;
    final_seen_ = !interim_;
    filling_->ends = ends;
    waiting_.push_back(std::move(filling_));
  } else {
    refusal_ = ends ? trailer_text_.FinishTrailers(&trailers_) : Refusal::kMisplacedPseudoField;
  }
  return refusal_ == Refusal::kNone;
}

void ClientStream::DropHead() {
  if (current_ != nullptr) spare_ = std::move(current_);
}

HeadStep ClientStream::NextHead(http::ResponseHead* head) {
  DropHead();
  if (waiting_.empty()) return NoHead();
  current_ = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  const Refusal refusal = current_->text.FinishResponse(current_->ends, method_, head);
  if (refusal != Refusal::kNone) return Broken(UpstreamTrouble::kBadResponse, refusal);
  // RFC 9113 section 8.1.1: in HTTP/1 what is too much or too little would be somebody else's.
  if (tunnel_ && head->status >= 200 && head->status < 300) {
    BecomeSwitch(head);
    return HeadStep{.kind = HeadStep::Kind::kHead, .bytes = current_->bytes};
  }
  if (!head->informational() && head->body == BodyKind::kLength) Expect(head->content_length);
  bodiless_ = !head->informational() && head->body == BodyKind::kNone;
  return HeadStep{.kind = HeadStep::Kind::kHead, .bytes = current_->bytes};
}

// As HTTP/1 has it (RFC 8441 section 5).
void ClientStream::BecomeSwitch(http::ResponseHead* head) {
  head->status = 101;
  head->reason = "Switching Protocols";
  head->body = BodyKind::kNone;
  head->has_content_length = false;
  head->connection_upgrade = true;
  head->headers.Add({.name = "Upgrade", .value = protocol_, .id = http::FieldId::kUpgrade});
}

HeadStep ClientStream::NoHead() {
  if (unable_) return Broken(UpstreamTrouble::kNoSwitch);
  if (held()) return HeadStep{};
  if (unsent_) return Broken(UpstreamTrouble::kClosed);
  if (refusal_ != Refusal::kNone) return Broken(UpstreamTrouble::kBadResponse, refusal_);
  if (fault() != Refusal::kNone) return Broken(UpstreamTrouble::kBadResponse, fault());
  if (!lost()) return HeadStep{};
  if (owner_->failed() && !owner_->greeted()) {
    return Broken(UpstreamTrouble::kBadResponse, Refusal::kNotHttp2);
  }
  if (owner_->over()) {
    const bool in_order = owner_->connection().end() <= ConnectionEnd::kEndedInOrder;
    const bool closed = in_order && !owner_->failed();
    return Broken(closed ? UpstreamTrouble::kClosed : UpstreamTrouble::kReset);
  }
  // What is reset by nobody but ourselves is against the rules.
  if (!peer_reset() && reset_code() == NGHTTP2_PROTOCOL_ERROR) {
    return Broken(UpstreamTrouble::kBadResponse, Refusal::kRejectedByParser);
  }
  return Broken(UpstreamTrouble::kReset);
}

HeadStep ClientStream::Broken(UpstreamTrouble trouble, Refusal refusal) {
  refusal_ = refusal;
  return HeadStep{.kind = HeadStep::Kind::kBroken, .trouble = trouble, .refusal = refusal};
}

BodyStep ClientStream::NextBody() {
  HOLDFAST_CHECK(final_seen_);
  DropHead();
  BodyStep step = Next();
  // As in HTTP/1, what follows a response that has no content is none of it.
  if (bodiless_ && step.kind == BodyStep::Kind::kData) {
    step.buffer->Consume(step.bytes);
    SetFault(Refusal::kContentLengthMismatch);
    return {.kind = BodyStep::Kind::kEnd};
  }
  if (step.kind == BodyStep::Kind::kBroken && refusal_ != Refusal::kNone) step.refusal = refusal_;
  return step;
}

void ClientStream::Switch() {
  HOLDFAST_CHECK(tunnel_ && !switched_);
  switched_ = true;
}

Evidence ClientStream::evidence() const {
  if (begun_) return Evidence::kProcessed;
  if (!Left()) return Evidence::kUnprocessed;
  const bool refused = lost() && reset_code() == NGHTTP2_REFUSED_STREAM;
  return refused ? Evidence::kUnprocessed : Evidence::kUnknown;
}

// RFC 9113 section 8.1: with the response complete the rest of the request is of no interest, and
// cancelling it does not take the response back. Of a tunnel, our end is still to be told.
pool::ReuseFacts ClientStream::Finish() {
  HOLDFAST_CHECK(events_ != nullptr);
  events_ = nullptr;
  if (held()) owner_->Release(this);
  const pool::ReuseFacts facts{.asked = true, .broken = owner_->failed()};
  if (session() == nullptr) {
    OnForgotten();
    return facts;
  }
  const bool wrong = refusal_ != Refusal::kNone || fault() != Refusal::kNone;
  const uint32_t code = wrong ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_CANCEL;
  const bool whole = switched_ ? ended() : framed();
  Release(/*complete=*/whole && peer_ended(), code);
  return facts;
}

void ClientStream::OnForgotten() {
  Clear();
  DropHead();
  if (filling_ != nullptr) spare_ = std::move(filling_);
  waiting_.clear();
  if (spare_ != nullptr) spare_->text.Clear();
  trailer_text_.Clear();
  trailers_.Clear();
  held_ = {};
  protocol_ = {};
  std::exchange(owner_, nullptr)->Rest(this);
}

}  // namespace holdfast::http2
