#include "gateway/proxy/http1_upstream.h"

#include <utility>

#include "gateway/http/connection_auth.h"
#include "gateway/http/persistence.h"
#include "gateway/http/serializer.h"
#include "gateway/proxy/head_scan.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using http::BodyKind;
using http::Refusal;
using pool::FillStatus;

void Http1Upstream::Start(pool::Lease lease, http::Method method, pool::ConnectionEvents* events) {
  HOLDFAST_CHECK(!lease_.held() && lease.held());
  lease_ = std::move(lease);
  pool::Connection& connection = lease_.connection();
  HOLDFAST_CHECK(connection.in().empty() && connection.out().empty());
  connection.set_events(events);
  method_ = method;
  scanner_.Reset();
  chunked_request_ = request_finished_ = response_started_ = false;
  response_allows_reuse_ = upgraded_ = broken_ = congested_ = false;
  authenticated_ = stray_forbidden_ = stray_possible_ = false;
  keep_alive_ = http::KeepAliveField{};
  pending_head_ = 0;
  read_before_ = connection.bytes_read();
  written_before_ = connection.bytes_written();
}

pool::CloseReason Http1Upstream::End(pool::ConnectionTie* tie) {
  if (!lease_.held()) return pool::CloseReason::kNotAsked;
  DropHead();
  const pool::ReuseFacts facts{
      .asked = true,
      .broken = broken_,
      .upgraded = upgraded_,
      .request_finished = request_finished_,
      .response_finished = response_started_ && body_.finished(),
      .forbidden_content = stray_forbidden_,
      .peer_allows = response_allows_reuse_,
      .authenticated = authenticated_,
      .tie = tie,
      .rest = stray_possible_,
      .keep_alive_timeout = keep_alive_.timeout,
      .keep_alive_max = keep_alive_.max,
  };
  body_.Release();
  return lease_.End(facts);
}

void Http1Upstream::SendHead(const http::RequestHead& head, const http::ForwardedFacts& facts) {
  chunked_request_ = head.body == BodyKind::kChunked;
  authenticated_ |= http::AuthenticatesConnection(head.headers);
  http::SerializeRequestHead(head, facts, &lease_.connection().out());
}

void Http1Upstream::SendBody(pool::Buffer& from, size_t bytes) {
  pool::Buffer& out = lease_.connection().out();
  if (chunked_request_) http::AppendChunkHeader(bytes, &out);
  out.MoveFrom(from, bytes);
  if (chunked_request_) http::AppendChunkEnd(&out);
}

void Http1Upstream::SendEnd(const http::HeaderList* trailers) {
  if (chunked_request_) http::AppendLastChunk(trailers, &lease_.connection().out());
  request_finished_ = true;
}

bool Http1Upstream::Congested() {
  const size_t unsent = lease_.connection().out().size();
  congested_ = congested_ ? unsent > kLowWatermark : unsent >= kHighWatermark;
  return congested_;
}

HeadStep Http1Upstream::NextHead(http::ResponseHead* head) {
  HOLDFAST_CHECK(!response_started_);
  DropHead();
  pool::Connection& connection = lease_.connection();
  while (true) {
    if (!connection.in().empty()) {
      const http::HeadScanner::Result scan =
          ScanHead(&scanner_, connection.in(), http::HeadLimits{});
      if (scan.status == http::HeadScanner::Status::kComplete) {
        return ParseHead(scan.head_bytes, head);
      }
      if (scan.status == http::HeadScanner::Status::kRefused) {
        return Broken(UpstreamTrouble::kBadResponse, scan.refusal);
      }
    }
    if (!connection.readable()) return HeadStep{};
    switch (connection.Fill(kHighWatermark)) {
      case FillStatus::kRead: break;
      case FillStatus::kWouldBlock: return HeadStep{};
      case FillStatus::kEndOfStream:
        return Broken(lease_.connection().end() == pool::ConnectionEnd::kReset
                          ? UpstreamTrouble::kReset
                          : UpstreamTrouble::kClosed);
      case FillStatus::kFull: return Broken(UpstreamTrouble::kBadResponse, Refusal::kHeadTooLarge);
      case FillStatus::kError: return Broken(UpstreamTrouble::kReset);
    }
  }
}

HeadStep Http1Upstream::ParseHead(size_t bytes, http::ResponseHead* head) {
  head->Clear();
  const Refusal refusal = http::ParseResponseHead(lease_.connection().in().Linearize(bytes),
                                                  http::HeadLimits{}, method_, head);
  if (refusal != Refusal::kNone) return Broken(UpstreamTrouble::kBadResponse, refusal);
  authenticated_ |= http::AuthenticatesConnection(head->headers);
  const http::StrayContent stray = http::FindStrayContent(*head);
  stray_forbidden_ |= stray == http::StrayContent::kForbidden;
  stray_possible_ |= stray == http::StrayContent::kPossible;
  pending_head_ = bytes;
  scanner_.Reset();
  const HeadStep step{.kind = HeadStep::Kind::kHead, .bytes = bytes};
  if (head->informational() && head->status != 101) return step;
  response_started_ = true;
  response_allows_reuse_ = http::ResponseAllowsReuse(*head);
  if (response_allows_reuse_) keep_alive_ = http::FindKeepAlive(head->headers);
  until_close_ = head->body == BodyKind::kUntilClose;
  body_.Start(head->body, head->content_length);
  return step;
}

BodyStep Http1Upstream::NextBody() {
  HOLDFAST_CHECK(response_started_);
  DropHead();
  BodyStep step = body_.Next(lease_.connection());
  if (step.kind == BodyStep::Kind::kEnd && until_close_ && !EndedInOrder()) {
    step = BodyStep{.kind = BodyStep::Kind::kBroken};
  }
  if (step.kind == BodyStep::Kind::kBroken) broken_ = true;
  return step;
}

void Http1Upstream::DropHead() {
  if (pending_head_ == 0) return;
  lease_.connection().in().Consume(std::exchange(pending_head_, 0));
}

HeadStep Http1Upstream::Broken(UpstreamTrouble trouble, Refusal refusal) {
  // An end in good order is the pool's to see.
  broken_ = trouble != UpstreamTrouble::kClosed;
  return HeadStep{.kind = HeadStep::Kind::kBroken, .trouble = trouble, .refusal = refusal};
}

bool Http1Upstream::EndedInOrder() const {
  return lease_.connection().end() == pool::ConnectionEnd::kEndedInOrder;
}

bool Http1Upstream::response_begun() const {
  return lease_.connection().bytes_read() != read_before_;
}

uint64_t Http1Upstream::bytes_sent() const {
  return lease_.connection().bytes_written() - written_before_;
}

pool::Connection& Http1Upstream::raw() {
  DropHead();
  upgraded_ = true;
  return lease_.connection();
}

}  // namespace holdfast::proxy
