#include "gateway/acme/https_client.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "pool/net/check.h"
#include "pool/tls/tls_transport.h"

namespace holdfast::acme {

using stream::BodyStep;
using stream::HeadStep;

namespace {

// A server that sends more interim responses than this is broken.
constexpr int kMaxInformational = 16;
// What errors and the pool's keys call the way to it.
constexpr const char* kUpstream = "acme";

// RFC 8555 section 6.1 wants a User-Agent; section 6.2 names the type of what is posted.
std::string RequestFor(const HttpsRequest& request, const HttpsUrl& url) {
  std::string text = absl::StrCat(std::string(http::MethodName(request.method)), " ", url.target,
                                  " HTTP/1.1\r\nHost: ", url.authority,
                                  "\r\nUser-Agent: holdfast-acme\r\nAccept-Language: en\r\n");
  if (request.method == http::Method::kPost) {
    absl::StrAppend(&text,
                    "Content-Type: application/jose+json\r\nContent-Length: ", request.body.size(),
                    "\r\n");
  }
  absl::StrAppend(&text, "Connection: close\r\n\r\n", request.body);
  return text;
}

std::string FieldOf(const http::ResponseHead& head, std::string_view name) {
  const http::HeaderField* field = head.headers.FindByName(name);
  return field != nullptr ? std::string(field->value) : std::string();
}

}  // namespace

HttpsClient::HttpsClient(pool::EventLoop* loop, pool::SlabPool* slabs,
                         std::unique_ptr<pool::Resolver> resolver, pool::TlsFile authorities)
    : loop_(loop),
      resolver_(std::move(resolver)),
      authorities_(std::move(authorities)),
      dialer_(loop, slabs, this),
      stream_(slabs) {}

HttpsClient::~HttpsClient() {
  if (stream_.active()) stream_.Finish();
}

void HttpsClient::MoveTo(Phase next) {
  const auto legal = [this, next] {
    switch (next) {
      case Phase::kAtRest: return phase_ == Phase::kTelling;
      case Phase::kResolving: return phase_ == Phase::kAtRest;
      case Phase::kConnecting: return phase_ == Phase::kResolving || phase_ == Phase::kConnecting;
      case Phase::kAwaitingHead: return phase_ == Phase::kConnecting;
      case Phase::kReadingBody: return phase_ == Phase::kAwaitingHead;
      case Phase::kTelling: return phase_ != Phase::kTelling;
    }
    return false;
  };
  HOLDFAST_CHECK(legal());
  phase_ = next;
}

void HttpsClient::Start(HttpsRequest request, Callback callback) {
  HOLDFAST_CHECK(phase_ == Phase::kAtRest);
  request_ = std::move(request);
  callback_ = std::move(callback);
  response_ = HttpsResponse();
  std::optional<HttpsUrl> url = ParseHttpsUrl(request_.url);
  if (!url.has_value()) return Finish("expected an https URL, found \"" + request_.url + "\"");
  url_ = *std::move(url);
  if (!PrepareTls()) return;
  MoveTo(Phase::kResolving);
  loop_->timers().Arm(timeout_timer_, loop_->now() + kTimeout);
  question_ = std::make_shared<const bool>(true);
  resolver_->Resolve(
      url_.host, url_.port,
      [this, asked = std::weak_ptr<const bool>(question_)](const pool::AddressAnswer& answer) {
        if (!asked.expired()) OnAddresses(answer);
      });
}

bool HttpsClient::PrepareTls() {
  if (context_ != nullptr && context_host_ == url_.host) return true;
  std::shared_ptr<const pool::TlsAuthorities> system;
  if (authorities_.empty()) {
    auto authorities = pool::TlsAuthorities::System();
    if (!authorities.ok()) {
      Finish(std::string(authorities.status().message()));
      return false;
    }
    system = *std::move(authorities);
  }
  auto material = pool::TlsClientMaterial::Load({.server_name = url_.host,
                                                 .authorities = authorities_,
                                                 .client_certificate = {},
                                                 .client_key = {},
                                                 .protocols = {"http/1.1"}},
                                                system);
  if (!material.ok()) {
    Finish(std::string(material.status().message()));
    return false;
  }
  context_ = pool::TlsClientContext::Make(*std::move(material));
  context_host_ = url_.host;
  return true;
}

void HttpsClient::OnAddresses(const pool::AddressAnswer& answer) {
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

void HttpsClient::ConnectToNext() {
  MoveTo(Phase::kConnecting);
  HOLDFAST_CHECK(next_address_ < addresses_.size());
  const pool::EndpointKey key{kUpstream, addresses_[next_address_++],
                              pool::TlsIdentity(context_->material().settings())};
  pool::DialStart start = dialer_.Dial(
      key, pool::DialTerms{.slow_at = {}, .deadline = loop_->now() + kDialTimeout, .tcp = {}},
      this);
  if (start.attempt == nullptr) return OnDialFailed(start.refusal);
  attempt_ = std::move(start.attempt);
}

std::unique_ptr<pool::Transport> HttpsClient::MakeFor(pool::FileDescriptor socket,
                                                      const pool::EndpointKey& key) {
  return std::make_unique<pool::TlsTransport>(std::move(socket), context_, key.address);
}

void HttpsClient::OnDialFailed(pool::CheckoutFailure failure) {
  attempt_.reset();
  if (next_address_ < addresses_.size()) return ConnectToNext();
  Finish(absl::StrCat(addresses_[next_address_ - 1].ToString(), ": ",
                      failure.word != nullptr ? std::string(failure.word)
                                              : std::string(CheckoutResultName(failure.result))));
}

void HttpsClient::OnDialed(std::unique_ptr<pool::Connection> connection) {
  attempt_.reset();
  connection_ = std::move(connection);
  Send();
}

void HttpsClient::Send() {
  MoveTo(Phase::kAwaitingHead);
  stream_.Start(connection_.get(), request_.method, this);
  stream_.SendRequest(RequestFor(request_, url_));
  ReadHead();
}

void HttpsClient::OnStreamReady() {
  if (phase_ == Phase::kAwaitingHead) return ReadHead();
  HOLDFAST_CHECK(phase_ == Phase::kReadingBody);
  ReadBody();
}

void HttpsClient::ReadHead() {
  const bool failed = stream_.Flush() == pool::FlushStatus::kError;
  for (int informational = 0; informational <= kMaxInformational; ++informational) {
    const HeadStep step = stream_.NextHead(&head_);
    switch (step.kind) {
      case HeadStep::Kind::kBlocked:
        if (failed) Finish("the connection ended before a response");
        return;
      case HeadStep::Kind::kBroken:
        return Finish(step.trouble == stream::UpstreamTrouble::kBadResponse
                          ? "the response is not HTTP/1.1"
                          : "the connection ended before a response");
      case HeadStep::Kind::kHead: break;
    }
    // 101 answers an upgrade that nobody asked for.
    if (head_.status == 101) break;
    if (head_.informational()) continue;
    response_.status = head_.status;
    response_.nonce = FieldOf(head_, "Replay-Nonce");
    response_.location = FieldOf(head_, "Location");
    response_.retry_after = FieldOf(head_, "Retry-After");
    MoveTo(Phase::kReadingBody);
    return ReadBody();
  }
  Finish("the response is not HTTP/1.1");
}

void HttpsClient::ReadBody() {
  while (true) {
    const BodyStep step = stream_.NextBody();
    switch (step.kind) {
      case BodyStep::Kind::kData: {
        if (response_.body.size() + step.bytes > kMaxBodyBytes) {
          return Finish("the response is larger than 256 KiB");
        }
        size_t left = step.bytes;
        while (left > 0) {
          const std::string_view piece = step.buffer->Front().substr(0, left);
          response_.body.append(piece);
          left -= piece.size();
          step.buffer->Consume(piece.size());
        }
        break;
      }
      case BodyStep::Kind::kBlocked: return;
      case BodyStep::Kind::kEnd: return Finish({});
      case BodyStep::Kind::kBroken: return Finish("the response broke off");
    }
  }
}

void HttpsClient::Finish(std::string trouble) {
  MoveTo(Phase::kTelling);
  if (stream_.active()) stream_.Finish();
  connection_.reset();
  attempt_.reset();
  question_.reset();
  loop_->timers().Cancel(timeout_timer_);
  response_.trouble = std::move(trouble);
  loop_->Queue(tell_task_);
}

void HttpsClient::Tell() {
  MoveTo(Phase::kAtRest);
  Callback callback = std::move(callback_);
  callback(std::move(response_));
}

void HttpsClient::OnTimeout(pool::TimePoint) { Finish("there was no response within 30 s"); }

}  // namespace holdfast::acme
