#include "gateway/compression/coding.h"

#include <optional>

#include "gateway/http/syntax.h"

namespace holdfast::compression {
namespace {

constexpr int16_t kFullWeight = 1000;

// A qvalue in thousandths (RFC 9110 section 12.4.2).
std::optional<int16_t> ReadQuality(std::string_view text) {
  constexpr size_t kLongest = 5;
  if (text.empty() || text.size() > kLongest || (text[0] != '0' && text[0] != '1')) {
    return std::nullopt;
  }
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int16_t weight = 0;
  int16_t unit = kFullWeight;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == 1) continue;
    if (!http::IsDigit(text[i])) return std::nullopt;
    weight = static_cast<int16_t>(weight + (text[i] - '0') * unit);
    unit /= 10;
  }
  if (weight > kFullWeight) return std::nullopt;
  return weight;
}

// `text` is what follows a coding and its semicolon.
std::optional<int16_t> ReadWeight(std::string_view text) {
  text = http::TrimWhiteSpace(text);
  if (!text.starts_with("q=") && !text.starts_with("Q=")) return std::nullopt;
  return ReadQuality(text.substr(2));
}

std::optional<Coding> CodingOf(std::string_view name) {
  if (http::EqualsIgnoreCase(name, "x-gzip")) return Coding::kGzip;  // RFC 9110 section 8.4.1.3
  for (size_t i = 0; i < kCodingWords.size(); ++i) {
    if (http::EqualsIgnoreCase(name, kCodingWords.words()[i])) return static_cast<Coding>(i);
  }
  return std::nullopt;
}

}  // namespace

Acceptance Acceptance::Of(const http::HeaderList& request) {
  Acceptance accepted;
  size_t members = 0;
  for (const http::HeaderField& field : request.fields()) {
    if (!http::EqualsIgnoreCase(field.name, "accept-encoding")) continue;
    http::ListReader list(field.value);
    std::string_view member;
    while (list.Next(&member)) {
      if (++members > kMaxMembers) return accepted;
      accepted.Add(member);
    }
  }
  return accepted;
}

void Acceptance::Add(std::string_view member) {
  const size_t semicolon = member.find(';');
  const std::string_view name = http::TrimWhiteSpace(member.substr(0, semicolon));
  std::optional<int16_t> weight = kFullWeight;
  if (semicolon != std::string_view::npos) weight = ReadWeight(member.substr(semicolon + 1));
  if (!weight.has_value()) return;
  const std::optional<Coding> coding = CodingOf(name);
  if (!coding.has_value() && name != "*") return;
  int16_t& said = coding.has_value() ? weights_[static_cast<size_t>(*coding)] : others_;
  if (said == kUnsaid) said = *weight;
}

int16_t Acceptance::WeightOf(Coding coding) const {
  const int16_t weight = weights_[static_cast<size_t>(coding)];
  return weight != kUnsaid ? weight : others_;
}

Coding Acceptance::Best(std::span<const Coding> ours) const {
  Coding best = Coding::kIdentity;
  int16_t best_weight = 0;
  for (const Coding coding : ours) {
    if (coding == Coding::kIdentity || WeightOf(coding) <= best_weight) continue;
    best = coding;
    best_weight = WeightOf(coding);
  }
  // `*` says nothing of how identity is liked: everybody writes it for codings.
  const int16_t plain = weights_[static_cast<size_t>(Coding::kIdentity)];
  return plain > best_weight ? Coding::kIdentity : best;
}

}  // namespace holdfast::compression
