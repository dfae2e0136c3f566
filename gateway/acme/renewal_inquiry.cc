#include "gateway/acme/renewal_inquiry.h"

#include <utility>

#include "gateway/acme/jws.h"
#include "gateway/fetch/retry_after.h"
#include "pool/tls/made_certificate.h"

namespace holdfast::acme {

std::string RenewalName(const pool::TlsFile& chain) {
  const absl::StatusOr<pool::RenewalId> id = pool::ReadRenewalId(chain);
  if (!id.ok()) return {};
  return Base64Url(id->authority_key) + "." + Base64Url(id->serial);
}

RenewalInquiry::RenewalInquiry(pool::EventLoop* loop, Dialogue* dialogue, std::string directory,
                               std::string certificate, OnDone on_done)
    : loop_(loop),
      dialogue_(dialogue),
      directory_(std::move(directory)),
      certificate_(std::move(certificate)),
      on_done_(std::move(on_done)) {}

void RenewalInquiry::Start() {
  dialogue_->Get(directory_,
                 [this, alive = std::weak_ptr<const bool>(alive_)](const Answer& answer) {
                   if (!alive.expired()) OnDirectory(answer);
                 });
}

void RenewalInquiry::OnDirectory(const Answer& answer) {
  if (answer.trouble.has_value()) return on_done_({.trouble = answer.trouble->text});
  const absl::StatusOr<Directory> directory = ParseDirectory(answer.response.body);
  if (!directory.ok()) return on_done_({.trouble = std::string(directory.status().message())});
  if (directory->renewal_info.empty()) return on_done_({});
  dialogue_->Get(directory->renewal_info + "/" + certificate_,
                 [this, alive = std::weak_ptr<const bool>(alive_)](const Answer& info) {
                   if (!alive.expired()) OnInfo(info);
                 });
}

void RenewalInquiry::OnInfo(const Answer& answer) {
  if (answer.trouble.has_value()) return on_done_({.trouble = answer.trouble->text});
  absl::StatusOr<RenewalInfo> info = ParseRenewalInfo(answer.response.body);
  if (!info.ok()) return on_done_({.trouble = std::string(info.status().message())});
  on_done_({.info = *std::move(info),
            .ask_again = fetch::ParseRetryAfter(answer.response.retry_after, loop_->wall_now())});
}

}  // namespace holdfast::acme
