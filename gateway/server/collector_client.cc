#include "gateway/server/collector_client.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "pool/net/check.h"
#include "pool/reuse.h"

namespace holdfast::server {

using stream::BodyStep;
using stream::HeadStep;

namespace {

// A server that sends more interim responses than this is broken.
constexpr int kMaxInformational = 16;
// What the dialer's keys call the way to it.
constexpr const char* kUpstream = "tracing";
constexpr const char* kNotHttp = "the answer is not HTTP/1.1";
constexpr const char* kEnded = "the connection ended before an answer";

std::string HeadFor(const config::CollectorUrl& url,
                    const std::vector<config::ExportHeader>& headers, size_t body_bytes) {
  std::string text = absl::StrCat(
      "POST ", url.target, " HTTP/1.1\r\nHost: ", url.authority,
      "\r\nUser-Agent: holdfast\r\nContent-Type: application/json\r\nContent-Length: ", body_bytes,
      "\r\n");
  for (const config::ExportHeader& header : headers) {
    absl::StrAppend(&text, header.name, ": ", header.value, "\r\n");
  }
  return text + "\r\n";
}

}  // namespace

CollectorClient::CollectorClient(pool::EventLoop* loop, pool::SlabPool* slabs,
                                 std::unique_ptr<pool::Resolver> resolver, config::CollectorUrl url,
                                 std::vector<config::ExportHeader> headers)
    : loop_(loop),
      resolver_(std::move(resolver)),
      url_(std::move(url)),
      headers_(std::move(headers)),
      dialer_(loop, slabs),
      stream_(slabs) {
  HOLDFAST_CHECK(!url_.encrypted);
}

CollectorClient::~CollectorClient() {
  if (stream_.active()) stream_.Finish();
}

void CollectorClient::MoveTo(Phase next) {
  const auto legal = [this, next] {
    switch (next) {
      case Phase::kAtRest: return phase_ == Phase::kTelling;
      case Phase::kResolving: return phase_ == Phase::kAtRest || phase_ == Phase::kAwaitingHead;
      case Phase::kConnecting: return phase_ == Phase::kResolving || phase_ == Phase::kConnecting;
      case Phase::kAwaitingHead: return phase_ == Phase::kConnecting || phase_ == Phase::kAtRest;
      case Phase::kReadingBody: return phase_ == Phase::kAwaitingHead;
      case Phase::kTelling: return phase_ != Phase::kTelling && phase_ != Phase::kAtRest;
    }
    return false;
  };
  HOLDFAST_CHECK(legal());
  phase_ = next;
}

void CollectorClient::Post(std::string_view body, pool::Duration timeout, Callback callback) {
  HOLDFAST_CHECK(phase_ == Phase::kAtRest);
  body_ = body;
  callback_ = std::move(callback);
  answer_ = CollectorAnswer();
  loop_->timers().Arm(timeout_timer_, loop_->now() + timeout);
  reused_ = MayReuse();
  if (reused_) return Send();
  Resolve();
}

bool CollectorClient::MayReuse() {
  if (connection_ == nullptr) return false;
  if (connection_->Inspect() == pool::Quiet::kQuiet && !connection_->gone()) return true;
  connection_.reset();
  return false;
}

void CollectorClient::Resolve() {
  MoveTo(Phase::kResolving);
  question_ = std::make_shared<const bool>(true);
  resolver_->Resolve(
      url_.host, url_.port,
      [this, asked = std::weak_ptr<const bool>(question_)](const pool::AddressAnswer& answer) {
        if (!asked.expired()) OnAddresses(answer);
      });
}

void CollectorClient::OnAddresses(const pool::AddressAnswer& answer) {
  if (answer.more) return;  // The whole one comes soon enough.
  question_.reset();
  if (answer.status != pool::ResolveStatus::kOk) {
    return Finish(absl::StrCat(
        url_.host, " has no address: ", std::string(pool::ResolveStatusName(answer.status)),
        answer.detail.empty() ? "" : ", ", answer.detail));
  }
  addresses_ = answer.addresses;
  addresses_.resize(std::min(addresses_.size(), kMaxAddresses));
  next_address_ = 0;
  ConnectToNext();
}

void CollectorClient::ConnectToNext() {
  while (true) {
    MoveTo(Phase::kConnecting);
    HOLDFAST_CHECK(next_address_ < addresses_.size());
    const pool::EndpointKey key{.upstream = kUpstream, .address = addresses_[next_address_++]};
    pool::DialStart start = dialer_.Dial(
        key, pool::DialTerms{.slow_at = {}, .deadline = loop_->now() + kDialTimeout, .tcp = {}},
        this);
    attempt_ = std::move(start.attempt);
    if (attempt_ != nullptr) return;
    if (next_address_ == addresses_.size()) return OnDialFailed(start.refusal);
  }
}

void CollectorClient::OnDialFailed(pool::CheckoutFailure failure) {
  attempt_.reset();
  if (next_address_ < addresses_.size()) return ConnectToNext();
  Finish(absl::StrCat(addresses_[next_address_ - 1].ToString(), ": ",
                      failure.word != nullptr ? std::string(failure.word)
                                              : std::string(CheckoutResultName(failure.result))));
}

void CollectorClient::OnDialed(std::unique_ptr<pool::Connection> connection) {
  attempt_.reset();
  connection_ = std::move(connection);
  Send();
}

void CollectorClient::Send() {
  MoveTo(Phase::kAwaitingHead);
  stream_.Start(connection_.get(), http::Method::kPost, this);
  stream_.SendRequest(HeadFor(url_, headers_, body_.size()));
  connection_->out().Append(body_);
  ReadHead();
}

void CollectorClient::OnStreamReady() {
  if (phase_ == Phase::kAwaitingHead) return ReadHead();
  HOLDFAST_CHECK(phase_ == Phase::kReadingBody);
  ReadBody();
}

void CollectorClient::ReadHead() {
  const bool failed = stream_.Flush() == pool::FlushStatus::kError;
  for (int informational = 0; informational <= kMaxInformational; ++informational) {
    const HeadStep step = stream_.NextHead(&head_);
    switch (step.kind) {
      case HeadStep::Kind::kBlocked:
        if (failed) OnBroken(kEnded);
        return;
      case HeadStep::Kind::kBroken:
        return OnBroken(step.trouble == stream::UpstreamTrouble::kBadResponse ? kNotHttp : kEnded);
      case HeadStep::Kind::kHead: break;
    }
    // 101 answers an upgrade that nobody asked for.
    if (head_.status == 101) break;
    if (head_.informational()) continue;
    answer_.status = head_.status;
    const http::HeaderField* retry_after = head_.headers.FindByName("retry-after");
    if (retry_after != nullptr) answer_.retry_after = retry_after->value;
    MoveTo(Phase::kReadingBody);
    return ReadBody();
  }
  Finish(kNotHttp);
}

// What was kept may have been given up by the collector while the request was on its way.
void CollectorClient::OnBroken(std::string trouble) {
  if (!std::exchange(reused_, false) || stream_.response_begun()) {
    return Finish(std::move(trouble));
  }
  stream_.Finish();
  connection_.reset();
  Resolve();
}

void CollectorClient::ReadBody() {
  while (true) {
    const BodyStep step = stream_.NextBody();
    switch (step.kind) {
      case BodyStep::Kind::kData: {
        size_t left = step.bytes;
        while (left > 0) {
          const std::string_view piece = step.buffer->Front().substr(0, left);
          const size_t room = kMaxBodyBytes - answer_.body.size();
          answer_.body.append(piece.substr(0, room));
          left -= piece.size();
          step.buffer->Consume(piece.size());
        }
        // The status has said what counts.
        if (answer_.body.size() == kMaxBodyBytes) return Finish({});
        break;
      }
      case BodyStep::Kind::kBlocked: return;
      case BodyStep::Kind::kEnd:
      case BodyStep::Kind::kBroken: return Finish({});
    }
  }
}

void CollectorClient::EndStream() {
  const pool::ReuseFacts facts = stream_.Finish();
  const bool kept = pool::DecideReuse(facts) == pool::CloseReason::kNone &&
                    connection_->in().empty() && connection_->out().empty() && !connection_->gone();
  if (!kept) return connection_.reset();
  connection_->set_events(this);
}

void CollectorClient::Finish(std::string trouble) {
  MoveTo(Phase::kTelling);
  if (stream_.active()) EndStream();
  attempt_.reset();
  question_.reset();
  loop_->timers().Cancel(timeout_timer_);
  answer_.trouble = std::move(trouble);
  loop_->Queue(tell_task_);
}

void CollectorClient::Tell() {
  MoveTo(Phase::kAtRest);
  Callback callback = std::move(callback_);
  callback(std::move(answer_));
}

void CollectorClient::OnTimeout(pool::TimePoint) {
  // As with a body that breaks off: what was taken is not sent again.
  const bool answered = phase_ == Phase::kReadingBody;
  Finish(answered ? "" : "there was no answer in time");
}

}  // namespace holdfast::server
