#include "gateway/fetch/client.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "pool/net/check.h"
#include "pool/net/plain_transport.h"
#include "pool/reuse.h"
#include "pool/tls/tls_transport.h"

namespace holdfast::fetch {

using stream::BodyStep;
using stream::HeadStep;

namespace {

// A server that sends more interim responses than this is broken.
constexpr int kMaxInformational = 16;
// What errors and the pool's keys call the way to it.
constexpr const char* kUpstream = "fetch";
constexpr const char* kNotHttp = "the response is not HTTP/1.1";
constexpr const char* kEnded = "the connection ended before a response";

std::string HeadFor(const Request& request, const Url& url) {
  std::string text = absl::StrCat(std::string(http::MethodName(request.method)), " ", url.target,
                                  " HTTP/1.1\r\nHost: ", url.authority, "\r\n");
  const auto add = [&text](const std::string& name, const std::string& value) {
    absl::StrAppend(&text, name, ": ", value, "\r\n");
  };
  add("User-Agent", "holdfast");
  if (!request.accept_language.empty()) add("Accept-Language", request.accept_language);
  if (!request.accept.empty()) add("Accept", request.accept);
  if (request.method == http::Method::kPost) {
    add("Content-Type", request.content_type);
    add("Content-Length", absl::StrCat(request.body.size()));
  }
  for (const Field& field : request.fields) add(field.name, field.value);
  if (!request.keep) add("Connection", "close");
  return text + "\r\n";
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
      case Phase::kResolving: return phase_ == Phase::kAtRest || phase_ == Phase::kAwaitingHead;
      case Phase::kConnecting: return phase_ == Phase::kResolving || phase_ == Phase::kConnecting;
      case Phase::kAwaitingHead: return phase_ == Phase::kConnecting || phase_ == Phase::kAtRest;
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
  if (!request_.keep || !SameOrigin(url_, *url)) connection_.reset();
  url_ = *std::move(url);
  reused_ = MayReuse();
  if (!reused_ && !url_.clear && !PrepareTls()) return;
  loop_->timers().Arm(timeout_timer_, loop_->now() + request_.timeout);
  if (reused_) return Send();
  Resolve();
}

// Over TLS a server may have had something to say that is no data.
bool Client::MayReuse() {
  if (connection_ == nullptr) return false;
  if (connection_->Inspect() == pool::Quiet::kQuiet && !connection_->gone()) return true;
  connection_.reset();
  return false;
}

void Client::Resolve() {
  MoveTo(Phase::kResolving);
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
  const pool::TlsIdentity identity =
      url_.clear ? pool::TlsIdentity() : pool::TlsIdentity(context_->material().settings());
  const pool::DialTerms terms{
      .slow_at = {}, .deadline = loop_->now() + request_.dial_timeout, .tcp = {}};
  while (true) {
    MoveTo(Phase::kConnecting);
    HOLDFAST_CHECK(next_address_ < addresses_.size());
    const pool::EndpointKey key{kUpstream, addresses_[next_address_++], identity};
    pool::DialStart start = dialer_.Dial(key, terms, this);
    attempt_ = std::move(start.attempt);
    if (attempt_ != nullptr) return;
    if (next_address_ == addresses_.size()) return OnDialFailed(start.refusal);
  }
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
  stream_.SendRequest(HeadFor(request_, url_));
  connection_->out().Append(request_.body);
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
        if (failed) OnBroken(kEnded);
        return;
      case HeadStep::Kind::kBroken:
        return OnBroken(step.trouble == stream::UpstreamTrouble::kBadResponse ? kNotHttp : kEnded);
      case HeadStep::Kind::kHead: break;
    }
    // 101 answers an upgrade that nobody asked for.
    if (head_.status == 101) break;
    if (head_.informational()) continue;
    TakeHead();
    MoveTo(Phase::kReadingBody);
    return ReadBody();
  }
  Finish(kNotHttp);
}

void Client::TakeHead() {
  response_.status = head_.status;
  response_.nonce = FieldOf(head_, "Replay-Nonce");
  response_.location = FieldOf(head_, "Location");
  response_.retry_after = FieldOf(head_, "Retry-After");
  response_.cache_control = ListOf(head_, "Cache-Control");
  response_.age = FieldOf(head_, "Age");
  response_.expires = FieldOf(head_, "Expires");
  response_.date = FieldOf(head_, "Date");
}

// What was kept may have been given up by the server while the request was on its way.
void Client::OnBroken(std::string trouble) {
  if (!std::exchange(reused_, false) || stream_.response_begun()) {
    return Finish(std::move(trouble));
  }
  stream_.Finish();
  connection_.reset();
  Resolve();
}

void Client::ReadBody() {
  while (true) {
    const BodyStep step = stream_.NextBody();
    switch (step.kind) {
      case BodyStep::Kind::kData:
        if (TakeBody(*step.buffer, step.bytes)) break;
        return Finish(
            absl::StrCat("the response is larger than ", request_.max_body_bytes / 1024, " KiB"));
      case BodyStep::Kind::kBlocked: return;
      case BodyStep::Kind::kEnd: return Finish({});
      case BodyStep::Kind::kBroken: return Finish("the response broke off");
    }
  }
}

bool Client::TakeBody(pool::Buffer& from, size_t bytes) {
  size_t left = bytes;
  while (left > 0) {
    const std::string_view piece = from.Front().substr(0, left);
    const size_t room = request_.max_body_bytes - response_.body.size();
    response_.body.append(piece.substr(0, room));
    if (piece.size() > room) return false;
    left -= piece.size();
    from.Consume(piece.size());
  }
  return true;
}

void Client::EndStream() {
  const pool::ReuseFacts facts = stream_.Finish();
  // Content of a response that must not have any may still come (ReuseFacts::rest).
  const bool kept = request_.keep && pool::DecideReuse(facts) == pool::CloseReason::kNone &&
                    !facts.rest && connection_->in().empty() && connection_->out().empty() &&
                    !connection_->gone();
  if (!kept) return connection_.reset();
  connection_->set_events(this);
}

void Client::Finish(std::string trouble) {
  MoveTo(Phase::kTelling);
  if (stream_.active()) EndStream();
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
  using std::chrono::milliseconds;
  const int64_t time = std::chrono::duration_cast<milliseconds>(request_.timeout).count();
  const std::string within =
      time % 1000 == 0 ? absl::StrCat(time / 1000, " s") : absl::StrCat(time, " ms");
  Finish("there was no response within " + within);
}

}  // namespace holdfast::fetch
