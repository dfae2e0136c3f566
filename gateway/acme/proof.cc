#include "gateway/acme/proof.h"

#include <map>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "gateway/config/text_checks.h"
#include "pool/tls/digest.h"
#include "pool/tls/made_certificate.h"

namespace holdfast::acme {

Challenges ChallengesOf(const std::vector<Proof>& proofs, pool::WallTime now) {
  Challenges challenges;
  std::map<std::string, pool::TlsCertificate> certificates;
  for (const Proof& proof : proofs) {
    if (proof.challenge == config::AcmeChallenge::kHttp01) {
      challenges.tokens[proof.subject] = proof.answer;
    } else {
      certificates[proof.subject] =
          pool::MakeChallengeCertificate(proof.subject, pool::Sha256(proof.answer), now);
    }
  }
  if (!certificates.empty()) {
    challenges.certificates = pool::ChallengeCertificates::Make(certificates);
  }
  return challenges;
}

std::string FormatProof(const Proof& proof, pool::WallTime until) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch());
  return absl::StrCat(std::string(WordsOf(proof.challenge).WordOf(proof.challenge)), " ",
                      seconds.count(), " ", proof.subject, " ", proof.answer, "\n");
}

std::optional<Proof> ParseProof(std::string_view text, pool::WallTime now) {
  if (!text.ends_with('\n')) return std::nullopt;
  text.remove_suffix(1);
  const std::vector<std::string> parts =
      absl::StrSplit(absl::string_view(text.data(), text.size()), ' ');
  if (parts.size() != 4 || parts[3].empty()) return std::nullopt;
  const auto challenge = WordsOf(config::AcmeChallenge()).ValueOf(parts[0]);
  int64_t until = 0;
  if (!challenge.has_value() || !absl::SimpleAtoi(parts[1], &until)) return std::nullopt;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  if (seconds.count() > until) return std::nullopt;
  if (*challenge == config::AcmeChallenge::kTlsAlpn01 && !config::IsCertifiableName(parts[2])) {
    return std::nullopt;
  }
  return Proof{.challenge = *challenge, .subject = parts[2], .answer = parts[3]};
}

}  // namespace holdfast::acme
