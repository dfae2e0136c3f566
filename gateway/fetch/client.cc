#include "gateway/fetch/client.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "pool/net/check.h"
#include "pool/net/plain_transport.h"
#include "pool/tls/tls_transport.h"

namespace holdfast::fetch {

using stream::BodyStep;
using stream::HeadStep;

namespace {

// A server that sends more interim responses than this is broken.
constexpr int kMaxInformational = 16;
// What errors and the pool's keys call the way to it.
constexpr const char* kUpstream = "fetch";

std::string RequestFor(const Request& request, const Url& url) {
  std::string text = absl::StrCat(std::string(http::MethodName(request.method)), " ", url.target,
                                  " HTTP/1.1\r\nHost: ", url.authority,
                                  "\r\nUser-Agent: holdfast\r\nAccept-Language: en\r\n");
  if (!request.accept.empty()) absl::StrAppend(&text, "Accept: ", request.accept, "\r\n");
  if (request.method == http::Method::kPost) {
    absl::StrAppend(&text, "Content-Type: ", request.content_type,
                    "\r\nContent-Length: ", request.body.size(), "\r\n");
  }
  absl::StrAppend(&text, "Connection: close\r\n\r\n", request.body);
  return text;
}

std::string FieldOf(const http::ResponseHead& head, std::string_view name) {
  const http::HeaderField* field = head.headers.FindByName(name);
  return field != nullptr ? std::string(field->value) : std::string();
}

// All lines of a list (RFC 9110 section 5.3).
std::string ListOf(const http::ResponseHead& head, std::string_view name) {
  std::string list;
  for (const http::HeaderField& field : head.headers.fields()) {
    if (!http::EqualsIgnoreCase(field.name, name)) continue;
    absl::StrAppend(&list, list.empty() ? "" : ", ", std::string(field.value));
  }
  return list;
}

}  // namespace

Client::Client(pool::EventLoop* loop, pool::SlabPool* slabs,
               std::unique_ptr<pool::Resolver> resolver, pool::TlsFile authorities)
    : loop_(loop),
      resolver_(std::move(resolver)),
      authorities_(std::move(authorities)),
      dialer_(loop, slabs, this),
      stream_(slabs) {}

Client::~Client() {
  if (stream_.active()) stream_.Finish();
}

void Client::MoveTo(Phase next) {
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

void Client::Start(Request request, Callback callback) {
  HOLDFAST_CHECK(phase_ == Phase::kAtRest);
  request_ = std::move(request);
  callback_ = std::move(callback);
  response_ = Response();
  std::optional<Url> url = ParseUrl(request_.url);
  if (!url.has_value() || (url->clear && !request_.clear)) {
    return Finish("expected an https URL, found \"" + request_.url + "\"");
  }
  url_ = *std::move(url);
  if (!url_.clear && !PrepareTls()) return;
  MoveTo(Phase::kResolving);
  loop_->timers().Arm(timeout_timer_, loop_->now() + request_.timeout);
  question_ = std::make_shared<const bool>(true);
  resolver_->Resolve(
      url_.host, url_.port,
      [this, asked = std::weak_ptr<const bool>(question_)](const pool::AddressAnswer& answer) {
        if (!asked.expired()) OnAddresses(answer);
      });
}

bool Client::PrepareTls() {
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

void Client::OnAddresses(const pool::AddressAnswer& answer) {
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

void Client::ConnectToNext() {
  MoveTo(Phase::kConnecting);
  HOLDFAST_CHECK(next_address_ < addresses_.size());
  const pool::EndpointKey key{
      kUpstream, addresses_[next_address_++],
      url_.clear ? pool::TlsIdentity() : pool::TlsIdentity(context_->material().settings())};
  pool::DialStart start = dialer_.Dial(
      key, pool::DialTerms{.slow_at = {}, .deadline = loop_->now() + kDialTimeout, .tcp = {}},
      this);
  if (start.attempt == nullptr) return OnDialFailed(start.refusal);
  attempt_ = std::move(start.attempt);
}

std::unique_ptr<pool::Transport> Client::MakeFor(pool::FileDescriptor socket,
                                                 const pool::EndpointKey& key) {
  if (url_.clear) return std::make_unique<pool::PlainTransport>(std::move(socket));
  return std::make_unique<pool::TlsTransport>(std::move(socket), context_, key.address);
}

void Client::OnDialFailed(pool::CheckoutFailure failure) {
  attempt_.reset();
  if (next_address_ < addresses_.size()) return ConnectToNext();
  Finish(absl::StrCat(addresses_[next_address_ - 1].ToString(), ": ",
                      failure.word != nullptr ? std::string(failure.word)
                                              : std::string(CheckoutResultName(failure.result))));
}

void Client::OnDialed(std::unique_ptr<pool::Connection> connection) {
  attempt_.reset();
  connection_ = std::move(connection);
  Send();
}

void Client::Send() {
  MoveTo(Phase::kAwaitingHead);
  stream_.Start(connection_.get(), request_.method, this);
  stream_.SendRequest(RequestFor(request_, url_));
  ReadHead();
}

void Client::OnStreamReady() {
  if (phase_ == Phase::kAwaitingHead) return ReadHead();
  HOLDFAST_CHECK(phase_ == Phase::kReadingBody);
  ReadBody();
}

void Client::ReadHead() {
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
    response_.cache_control = ListOf(head_, "Cache-Control");
    response_.age = FieldOf(head_, "Age");
    response_.expires = FieldOf(head_, "Expires");
    response_.date = FieldOf(head_, "Date");
    MoveTo(Phase::kReadingBody);
    return ReadBody();
  }
  Finish("the response is not HTTP/1.1");
}

void Client::ReadBody() {
  while (true) {
    const BodyStep step = stream_.NextBody();
    switch (step.kind) {
      case BodyStep::Kind::kData: {
        if (response_.body.size() + step.bytes > request_.max_body_bytes) {
          return Finish(
              absl::StrCat("the response is larger than ", request_.max_body_bytes / 1024, " KiB"));
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

void Client::Finish(std::string trouble) {
  MoveTo(Phase::kTelling);
  if (stream_.active()) stream_.Finish();
  connection_.reset();
  attempt_.reset();
  question_.reset();
  loop_->timers().Cancel(timeout_timer_);
  response_.trouble = std::move(trouble);
  loop_->Queue(tell_task_);
}

void Client::Tell() {
  MoveTo(Phase::kAtRest);
  Callback callback = std::move(callback_);
  callback(std::move(response_));
}

void Client::OnTimeout(pool::TimePoint) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(request_.timeout);
  Finish(absl::StrCat("there was no response within ", seconds.count(), " s"));
}

}  // namespace holdfast::fetch
