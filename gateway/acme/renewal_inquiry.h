#ifndef HOLDFAST_GATEWAY_ACME_RENEWAL_INQUIRY_H_
#define HOLDFAST_GATEWAY_ACME_RENEWAL_INQUIRY_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gateway/acme/dialogue.h"
#include "gateway/acme/messages.h"
#include "pool/net/event_loop.h"
#include "pool/tls/tls_settings.h"

namespace holdfast::acme {

// The name of a certificate to its authority (RFC 9773 section 4.1); empty: it has none.
std::string RenewalName(const pool::TlsFile& chain);

// Asks the authority when a certificate is to be renewed (RFC 9773 section 4). Main thread; what is
// given to it outlives it. Destruction gives up and calls nothing.
class RenewalInquiry {
 public:
  struct Result {
    std::optional<RenewalInfo> info;  // nullopt: it does not say
    std::optional<pool::Duration> ask_again;
    std::string trouble;  // why not, for people; empty: it is not known to the authority, or fine
  };
  // From the loop, once. It may destroy the inquiry.
  using OnDone = std::function<void(Result)>;

  RenewalInquiry(pool::EventLoop* loop, Dialogue* dialogue, std::string directory,
                 std::string certificate, OnDone on_done);
  RenewalInquiry(const RenewalInquiry&) = delete;
  RenewalInquiry& operator=(const RenewalInquiry&) = delete;

  void Start();

 private:
  void OnDirectory(const Answer& answer);
  void OnInfo(const Answer& answer);

  pool::EventLoop* loop_;
  Dialogue* dialogue_;
  const std::string directory_;
  const std::string certificate_;
  OnDone on_done_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // for late callbacks
};

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_RENEWAL_INQUIRY_H_
