#include "gateway/acme/dialogue.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/acme/jws.h"
#include "gateway/acme/messages.h"
#include "gateway/fetch/retry_after.h"
#include "pool/net/check.h"

namespace holdfast::acme {
namespace {

bool IsOk(int status) { return status >= 200 && status < 300; }

}  // namespace

Dialogue::Dialogue(pool::EventLoop* loop, fetch::Exchanges* exchanges, Account account)
    : loop_(loop), exchanges_(exchanges), account_(std::move(account)) {}

std::optional<Trouble> Dialogue::TroubleOf(const fetch::Response& response) const {
  if (!response.trouble.empty()) {
    return Trouble{.result = Result::kUnreachable, .type = {}, .text = response.trouble};
  }
  if (IsOk(response.status)) return std::nullopt;
  Trouble trouble{.type = {},
                  .text = absl::StrCat("status ", response.status),
                  .retry_after = fetch::ParseRetryAfter(response.retry_after, loop_->wall_now())};
  if (const std::optional<Problem> problem = ParseProblem(response.body)) {
    trouble.type = problem->type;
    trouble.text = problem->Text();
  }
  if (trouble.type == "rateLimited" || response.status == 429) {
    trouble.result = Result::kRateLimited;
  } else if (response.status >= 500) {
    trouble.result = Result::kUnreachable;
  }
  return trouble;
}

void Dialogue::Get(std::string url, Callback callback) {
  HOLDFAST_CHECK(callback_ == nullptr);
  callback_ = std::move(callback);
  exchanges_->Start({.method = http::Method::kGet, .url = std::move(url)},
                    [this](fetch::Response response) {
                      std::optional<Trouble> trouble = TroubleOf(response);
                      Tell({.response = std::move(response), .trouble = std::move(trouble)});
                    });
}

void Dialogue::Post(std::string url, std::string payload, Callback callback) {
  HOLDFAST_CHECK(callback_ == nullptr && !nonce_url_.empty());
  callback_ = std::move(callback);
  url_ = std::move(url);
  payload_ = std::move(payload);
  nonces_used_ = 0;
  Send();
}

// RFC 8555 section 7.2.
void Dialogue::Fetch() {
  exchanges_->Start({.method = http::Method::kHead, .url = nonce_url_},
                    [this](const fetch::Response& response) { OnNonce(response); });
}

void Dialogue::OnNonce(const fetch::Response& response) {
  if (std::optional<Trouble> trouble = TroubleOf(response)) {
    return Tell({.response = {}, .trouble = std::move(trouble)});
  }
  if (response.nonce.empty()) {
    return Tell({.response = {},
                 .trouble = Trouble{.result = Result::kBadAnswer,
                                    .type = {},
                                    .text = "newNonce has brought no Replay-Nonce"}});
  }
  nonce_ = response.nonce;
  Send();
}

void Dialogue::Send() {
  if (nonce_.empty()) return Fetch();
  ++nonces_used_;
  SignedFields fields{.url = url_, .nonce = std::exchange(nonce_, {}), .account = account_.url};
  std::string body = SignedBody(account_.key, fields, payload_);
  // RFC 8555 section 6.2.
  exchanges_->Start({.method = http::Method::kPost,
                     .url = url_,
                     .body = std::move(body),
                     .content_type = "application/jose+json"},
                    [this](fetch::Response response) { OnAnswer(std::move(response)); });
}

void Dialogue::OnAnswer(fetch::Response response) {
  nonce_ = response.nonce;
  std::optional<Trouble> trouble = TroubleOf(response);
  if (trouble.has_value() && trouble->type == "badNonce" && nonces_used_ < kMaxNonces) {
    return Send();
  }
  Tell({.response = std::move(response), .trouble = std::move(trouble)});
}

void Dialogue::Tell(Answer answer) {
  Callback callback = std::exchange(callback_, nullptr);
  callback(std::move(answer));
}

}  // namespace holdfast::acme
